"""When a host may be changed, and what happens to its pods meanwhile."""
