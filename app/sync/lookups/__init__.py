"""What converters look up: people, places, markers, options; kept in our index."""
