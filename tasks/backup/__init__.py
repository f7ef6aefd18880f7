"""Backups of the Harbor that moor runs: made, listed, rehearsed, restored."""
