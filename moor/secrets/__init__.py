"""Secrets: values that never show, files that only their owner reads, text without them."""
