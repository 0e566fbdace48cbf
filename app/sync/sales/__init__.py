"""The money road: one sale of Ploomes, at most one product order and one service order of Omie."""
