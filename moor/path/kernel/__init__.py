"""The firewall in a Linux host's kernel: rules of nft and iptables, and what they do to one packet."""
