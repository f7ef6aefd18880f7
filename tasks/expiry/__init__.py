"""What ends on a day or with a reboot: certificates, robots, the mount of Harbor's data."""
