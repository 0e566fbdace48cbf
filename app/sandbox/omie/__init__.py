"""A pretend Omie: the ERP's API v1 and its screens, written from the vendor reference alone."""
