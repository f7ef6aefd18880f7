"""Secrets: values that never show, private files, and masking of text."""
