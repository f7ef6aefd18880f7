"""Static routes of hosts and of network devices, to the registry and to other networks."""
