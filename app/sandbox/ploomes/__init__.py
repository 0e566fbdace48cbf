"""A pretend Ploomes: the CRM's public API and its screens, written from the vendor reference alone."""
