"""Hosts over SSH: logging in, host keys, one script a round trip."""
