"""What hosts of the network's tests have in common."""

# One list for all of them, so that one image is built.
NETWORK_PACKAGES = ("bind9", "dnsmasq", "firewalld", "iptables", "knot", "ufw")
