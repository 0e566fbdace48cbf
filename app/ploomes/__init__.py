"""Speaks Ploomes and nothing else."""
