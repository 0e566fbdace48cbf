"""Speaks Omie and nothing else."""
