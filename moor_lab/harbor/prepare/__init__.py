"""What Harbor's prepare does, in the lab's stand-in: harbor.yml in, compose file, configuration and keys out."""
