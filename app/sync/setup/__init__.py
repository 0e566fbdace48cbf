"""The life of an integration: credentials, checks, what it needs in Ploomes, pickers, the watch over it."""
