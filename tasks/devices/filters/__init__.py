"""The configurations of network devices, parsed into interfaces, routes and filters: moor.path.device."""
