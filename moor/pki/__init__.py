"""Certificates: issuing them, storing them, and checking whether clients accept them."""
