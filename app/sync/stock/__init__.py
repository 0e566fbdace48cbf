"""Stock: what we know of it, the table people read, and how it gets there."""
