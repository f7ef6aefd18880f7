"""Network devices, by nornir-netmiko's connection."""
