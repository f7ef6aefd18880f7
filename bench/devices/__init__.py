"""What a check of network devices costs, beside bare reads of their configurations by Netmiko."""
