"""The API server: what it accepts, how it writes, and how it answers over HTTP."""
