"""Who is measured: one module a tool, each making the same eight checks on the same hosts."""
