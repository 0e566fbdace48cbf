"""What is kept equal: rows of fields, converters, and the decision over them. Pure."""
