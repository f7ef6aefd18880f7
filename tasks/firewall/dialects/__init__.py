"""The dialects in which hosts say who may reach their ports: nftables, iptables, firewalld, ufw."""
