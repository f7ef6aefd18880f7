"""The things of Harbor's whole system, beside those of its projects."""
