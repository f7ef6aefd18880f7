"""The first boot of machines that are yet to come."""
