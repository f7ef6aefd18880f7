"""Harbor's configuration as data: its projects with everything in them, and its system."""
