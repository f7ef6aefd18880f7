"""What a plan of a registry's configuration costs, beside the bare requests that it needs."""
