"""Certificates: making them, keeping them, and judging whether clients accept them."""
