"""The history database: every run, and since when each finding is open."""
