"""The kinds of things that a host can hold."""
