"""What a machine is given for its first boot, so that it is as the inventory says before moor has reached it."""
