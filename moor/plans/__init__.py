"""Saved plans: written by ``moor plan --out``, read by people, applied as they are or not at all."""
