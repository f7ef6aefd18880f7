"""Other registries through this one: what nodes pull of docker.io and others comes from a proxy cache in Harbor."""
