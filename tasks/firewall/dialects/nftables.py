"""The dialect of nftables: a table that filters before port forwarding, so Docker's published ports are guarded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network, summarize_address_range
from typing import Any

from moor.errors import ErrorKind, HostError
from moor.formats.nesting import parse_json
from moor.resources.base import literal
from moor.tasks.access import Network, merged
from moor.tasks.firewall.dialects.boot import Loader
from moor.tasks.firewall.dialects.guards import VERSIONS, Guards

TABLE = "inet moor"
FILE = "/etc/moor/firewall.nft"
LOADER = Loader("nftables", f"nft -f {FILE}")
FAMILY = {4: "ip", 6: "ip6"}
# Before every forwarding of ports (dstnat is -100) and after connection tracking (-200).
HOOK = "type filter hook prerouting priority -110; policy accept;"
OPEN = ("ct state established,related accept", 'iifname "lo" accept')
REFUSALS = {"reject": "reject with icmpx admin-prohibited", "drop": "drop"}


def rules(guards: Guards) -> Iterator[str]:
    """Yield the lines of the chain: established and local traffic, then for each port who may reach it."""
    if not guards.ports:
        return
    yield HOOK
    yield from OPEN
    for guard in guards.ports:
        local = f"fib daddr type local tcp dport {guard.port}"
        for version in VERSIONS:
            if networks := guard.of(version):
                yield f"{local} {FAMILY[version]} saddr {_set(networks)} accept"
        yield f"{local} {REFUSALS[guards.refuse]}"


def _set(networks: tuple[Network, ...]) -> str:
    return f"{{ {', '.join(map(_short, networks))} }}"


def _short(network: Network) -> str:
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


def document(guards: Guards) -> str:
    """Return a file for ``nft -f`` that replaces the table in one transaction."""
    lines = [f"table {TABLE}", f"delete table {TABLE}"]  # the first line makes sure that there is a table to delete
    if body := list(rules(guards)):
        lines += [f"table {TABLE} {{", "\tchain guard {", *(f"\t\t{line}" for line in body), "\t}", "}"]
    return "\n".join(lines) + "\n"


def parse_listing(listing: str) -> Iterator[str]:
    """Yield the rules of ``nft -j list table inet moor`` as ``rules`` writes them; others as JSON.

    References:
        libnftables-json(5). nft merges adjacent addresses into ranges, which are converted back to networks.
    """
    entries = parse_json(listing)["nftables"] if listing.strip() else []
    for entry in entries:
        (kind, value), *_ = entry.items()
        if kind == "chain":
            yield _chain(value)
        elif kind == "rule":
            yield " ".join(map(_statement, value["expr"]))
        elif kind not in ("metainfo", "table"):
            yield json.dumps(entry)


def _chain(chain: Mapping[str, Any]) -> str:
    if chain["name"] != "guard":
        return f"chain {chain['name']}"
    kind, hook = chain.get("type"), chain.get("hook")
    return f"type {kind} hook {hook} priority {chain.get('prio')}; policy {chain.get('policy')};"


def _statement(statement: Mapping[str, Any]) -> str:
    for verdict in ("accept", "drop"):
        if verdict in statement:
            return verdict
    if statement.get("reject") == {"type": "icmpx", "expr": "admin-prohibited"}:
        return REFUSALS["reject"]
    match = statement.get("match", {})
    if match.get("op") in ("==", "in"):
        left, right = match["left"], match["right"]
        if known := _match(left, right):
            return known
    return json.dumps(statement)


def _match(left: Mapping[str, Any], right: Any) -> str:
    if left == {"meta": {"key": "iifname"}}:
        return f'iifname "{right}"'
    if left == {"ct": {"key": "state"}}:
        return f"ct state {','.join(sorted([right] if isinstance(right, str) else right))}"
    if left == {"fib": {"result": "type", "flags": ["daddr"]}}:
        return f"fib daddr type {right}"
    if left == {"payload": {"protocol": "tcp", "field": "dport"}}:
        return f"tcp dport {right}"
    for version, family in FAMILY.items():
        if left == {"payload": {"protocol": family, "field": "saddr"}}:
            return f"{family} saddr {_set(merged(list(_networks(right)), version))}"
    return ""


def _networks(value: Any) -> Iterator[Network]:
    """Yield the networks of a set, a prefix, a range or an address in nft's JSON."""
    if isinstance(value, str):
        yield ip_network(ip_address(value))
    elif "set" in value:
        for element in value["set"]:
            yield from _networks(element)
    elif "prefix" in value:
        yield ip_network((value["prefix"]["addr"], value["prefix"]["len"]))
    else:
        first, last = (ip_address(end) for end in value["range"])
        yield from summarize_address_range(first, last)


@dataclass(frozen=True)
class Nftables:
    """The table ``inet moor``: read as JSON, replaced in one transaction, loaded at boot by a unit.

    Loading nftables.conf flushes all tables; a line in that file includes this table again
    (``moor.tasks.firewall.dialects.nftables_conf``).
    """

    name: str = "nftables"

    @property
    def probe(self) -> str:
        return f"""\
nft -j list table {TABLE} 2>/dev/null
echo '-- kept'
{LOADER.probe}
cat {FILE} 2>/dev/null"""

    def live(self, output: str) -> str:
        try:
            return "\n".join(parse_listing(output.partition("-- kept")[0]))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise HostError(
                f"nft -j list table {TABLE} printed what moor cannot parse; run it on the host", ErrorKind.ANSWER
            ) from None

    def render(self, guards: Guards, output: str) -> str:
        return "\n".join(rules(guards))

    def kept(self, guards: Guards, output: str) -> bool:
        wanted = f"enabled\n{LOADER.text}{document(guards)}" if guards.ports else ""
        return output.partition("-- kept\n")[2].strip() == wanted.strip()

    def snapshot(self) -> str:
        return f'nft list table {TABLE} > "$d/nft" 2>/dev/null || rm -f "$d/nft"'

    def load(self, guards: Guards, output: str) -> str:
        return f"{literal(document(guards))} | nft -f - || exit 1"

    def restore(self) -> str:
        return f'{{ echo "table {TABLE}"; echo "delete table {TABLE}"; cat "$d/nft" 2>/dev/null; }} | nft -f -'

    def keep(self, guards: Guards, output: str) -> str:
        if not guards.ports:
            return f"{LOADER.remove()}\nrm -f {FILE}"
        return f"""\
mkdir -p /etc/moor && {literal(document(guards))} > {FILE}.new && mv -f {FILE}.new {FILE} || exit 1
{LOADER.keep()}"""
