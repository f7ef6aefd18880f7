"""The registry's CA and certificate: issued, served, rotated."""
