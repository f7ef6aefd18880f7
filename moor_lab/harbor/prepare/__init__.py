"""The stand-in of Harbor's prepare: writes compose file, configuration and keys from harbor.yml."""
