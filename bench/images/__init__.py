"""What a check of all images of a cluster costs, beside the bare requests that it needs."""
