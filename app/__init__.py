"""Ponte keeps the ERP Omie and the CRM Ploomes equal."""
