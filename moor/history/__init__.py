"""History: every run, and since when each finding is open, in a database."""
