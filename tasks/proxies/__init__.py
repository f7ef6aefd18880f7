"""Proxies of a host's programs: what the inventory says, how each program reads it, and what runs with which."""
