"""The engine: one road from a stored event to two equal records."""
