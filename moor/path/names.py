"""Names that configurations have in place of numbers."""

from __future__ import annotations

from collections.abc import Mapping

# Source: IANA's protocol numbers, by the names that Cisco, Arista, Juniper, VyOS, nft and iptables print.
PROTOCOLS: Mapping[str, int] = {
    "icmp": 1, "igmp": 2, "ipinip": 4, "ipip": 4, "tcp": 6, "egp": 8, "udp": 17, "ipv6": 41, "rsvp": 46, "gre": 47,
    "esp": 50, "ahp": 51, "ah": 51, "icmpv6": 58, "icmp6": 58, "ipv6-icmp": 58, "eigrp": 88, "ospf": 89, "nos": 94,
    "pim": 103, "pcp": 108, "vrrp": 112, "sctp": 132,
}  # fmt: skip

# Source: the lists of names in Cisco's "ip access-list extended", Arista's and Juniper's manuals.
PORTS: Mapping[str, int] = {
    "echo": 7, "discard": 9, "daytime": 13, "chargen": 19, "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23,
    "smtp": 25, "time": 37, "nameserver": 42, "whois": 43, "tacacs": 49, "domain": 53, "bootps": 67, "bootpc": 68,
    "dhcp": 67, "tftp": 69, "gopher": 70, "finger": 79, "www": 80, "http": 80, "hostname": 101, "pop2": 109,
    "pop3": 110, "sunrpc": 111, "ident": 113, "nntp": 119, "ntp": 123, "netbios-ns": 137, "netbios-dgm": 138,
    "netbios-ss": 139, "netbios-ssn": 139, "imap": 143, "snmp": 161, "snmptrap": 162, "xdmcp": 177, "bgp": 179,
    "irc": 194, "ldap": 389, "https": 443, "isakmp": 500, "biff": 512, "exec": 512, "login": 513, "who": 513,
    "cmd": 514, "syslog": 514, "lpd": 515, "talk": 517, "rip": 520, "uucp": 540, "klogin": 543, "kshell": 544,
    "ldaps": 636, "msdp": 639, "ldp": 646, "non500-isakmp": 4500, "radius": 1812, "radacct": 1813,
}  # fmt: skip


def port_number(word: str) -> int:
    """Return a port; raise ValueError for a name that is not known here."""
    number = int(word) if word.isdigit() else PORTS.get(word.lower(), -1)
    if not 0 <= number <= 65535:
        raise ValueError(f"{word} is no port")
    return number


def protocol_number(word: str) -> int:
    """Return an IP protocol; raise ValueError for a name that is not known here."""
    number = int(word) if word.isdigit() else PROTOCOLS.get(word.lower(), -1)
    if not 0 <= number <= 255:
        raise ValueError(f"{word} is no protocol")
    return number
