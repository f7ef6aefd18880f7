"""Access lists in the words of network devices: read, compared, changed, taken back."""
