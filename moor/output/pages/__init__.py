"""The HTML page of a fleet's history: one file, or served live."""
