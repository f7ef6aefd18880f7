"""What one host should hold: one module a concern."""
