"""What the question costs whether packets pass, for many nodes and long lists."""
