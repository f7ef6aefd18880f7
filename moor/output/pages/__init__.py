"""History as a page: one file to keep and send, or served live."""
