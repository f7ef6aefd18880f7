"""What a running Harbor holds, as the inventory that says the same."""
