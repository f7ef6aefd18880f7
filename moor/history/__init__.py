"""The history database: every run, and since when each finding is open."""

VERSION = 7  # of the tables; moor.history.migrations migrates older ones, newer ones are refused
