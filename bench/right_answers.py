"""What a host that is as it should be answers to each probe."""

from __future__ import annotations

from moor.resources.base import Probed
from moor.resources.edit import Edit
from moor.resources.file import File, sha256
from moor.resources.package import Package
from moor.tasks.firewall.dialects.host_firewall import HostFirewall
from moor.tasks.firewall.dialects.nftables import LOADER, document
from moor.tasks.trust import TrustedCa

# By id. NOW is replaced when a host answers.
RECORDED = {
    "requirement:root": "0\n",
    "requirement:system": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n',
    "requirement:machine": "x86_64\n",
    "requirement:clock": "NOW:NOW\n",
    "requirement:disk:/var/lib/containerd": "/dev/vda1 61611820 9372896 49719660 16% /\n",
    "requirement:containerd-reads": "path=/etc/containerd/config.toml\ntold=\nversion=containerd 1.7.24\n",
    "edit:/etc/hosts#names": "file\n127.0.0.1 localhost\n",
    "edit:/etc/containerd/config.toml#registry": "file\nversion = 2\n",
    "edit:/etc/nftables.conf#firewall": "file\n#!/usr/sbin/nft -f\n\nflush ruleset\n",
    "service:containerd": "active\nenabled\n",
}
FACTS = {
    "edit:/etc/containerd/config.toml#registry": "containerd containerd.io 1.7.24\n",
    "edit:/etc/nftables.conf#firewall": "there nftables\n",
}
LISTING = (
    '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}, '
    '{"table": {"family": "inet", "name": "moor", "handle": 1}}, '
    '{"chain": {"family": "inet", "table": "moor", "name": "guard", "handle": 1, "type": "filter", '
    '"hook": "prerouting", "prio": -110, "policy": "accept"}}, '
    '{"rule": {"family": "inet", "table": "moor", "chain": "guard", "handle": 2, "expr": [{"match": {"op": "in", '
    '"left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, {"accept": null}]}}, '
    '{"rule": {"family": "inet", "table": "moor", "chain": "guard", "handle": 3, "expr": [{"match": {"op": "==", '
    '"left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"accept": null}]}}, '
    '{"rule": {"family": "inet", "table": "moor", "chain": "guard", "handle": 4, "expr": [{"match": {"op": "==", '
    '"left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}}, {"match": {"op": "==", '
    '"left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"match": {"op": "==", '
    '"left": {"payload": {"protocol": "ip", "field": "saddr"}}, '
    '"right": {"prefix": {"addr": "10.0.0.0", "len": 28}}}}, {"accept": null}]}}, '
    '{"rule": {"family": "inet", "table": "moor", "chain": "guard", "handle": 5, "expr": [{"match": {"op": "==", '
    '"left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}}, {"match": {"op": "==", '
    '"left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, '
    '{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}]}}]}'
)


def right_answer(resource: Probed) -> str:
    """Return what the probe of a resource prints on a host that is as it should be."""
    match resource:
        case Edit():
            return _edited(resource)
        case File(content=str(content)):
            size = len(content.encode())
            return f"{resource.owner} 0:0 {resource.mode.lstrip('0')} {size}\n{sha256(content)}\n"
        case Package():
            return "\n".join(resource.names)
        case TrustedCa(pem=str(pem)):
            return f"anchor 644 holds {len(pem)}\n{pem}\n"
        case HostFirewall():
            kept = f"enabled\n{LOADER.text}{document(resource.guards)}"
            return f"there nftables\n\n== nftables\n{LISTING}\n-- kept\n{kept}"
    return RECORDED.get(resource.id, "")


def _edited(edit: Edit) -> str:
    """Return the answer of a host whose file the edit leaves as it is."""
    facts, kind = FACTS.get(edit.id, ""), RECORDED.get(edit.id, "")
    content = edit.edit(kind.partition("\n")[2], facts) if kind else ""
    return _answer(facts, f"file\n{content}" if kind else "")


def _answer(facts: str, rest: str) -> str:
    return f"{len(facts)}\n{facts}0\n{rest}"
