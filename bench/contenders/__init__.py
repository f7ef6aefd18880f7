"""The measured tools, one module each, which make the same eight checks on the same hosts."""
