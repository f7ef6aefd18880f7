"""The upgrade of an installed Harbor to another release, and the way back when that does not become healthy."""
