"""Images that chosen nodes pull before a roll-out, each by its own kubelet."""
