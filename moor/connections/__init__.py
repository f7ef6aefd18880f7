"""The ways to a host and to the APIs behind it, as Nornir connection plugins."""
