"""Network devices over nornir-netmiko's connection."""
