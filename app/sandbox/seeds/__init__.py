"""Reference sets and believable sample data for both pretend vendors."""
