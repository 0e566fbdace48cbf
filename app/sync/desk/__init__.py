"""What people look at and ask for: records, why, links by hand, requests."""
