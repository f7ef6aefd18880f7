"""What a running fleet says of its registry, as the inventory that says the same."""
