"""Two pretend vendors with memory. Imports nothing of the rest of the product: an independent witness."""
