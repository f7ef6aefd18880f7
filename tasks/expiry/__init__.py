"""Expiry: certificates and robots that end on a day, and mounts that a reboot would lose."""
