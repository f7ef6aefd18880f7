"""The one script that reads a host's routes and firewall, and its answer; nothing is changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from moor.errors import ErrorKind, HostError
from moor.path.host import Host, HostRoute
from moor.path.kernel.iptables import parse_saved
from moor.path.kernel.nftables import Listing
from moor.path.kernel.packet import Ruleset
from moor.path.space import Address

PART = re.compile(r"^-- (\w+)$", re.MULTILINE)
FAMILIES = {4: "ip", 6: "ip6"}


def script(destinations: Sequence[Address]) -> str:
    """Return sh that prints a host's addresses, its routes to some destinations, and its firewall."""
    wanted = "\\n".join(f"route get {address}" for address in destinations)
    return f"""\
echo '-- addresses'; ip -j addr show
echo '-- routes'; printf '{wanted}\\n' | ip -force -j -batch - 2>/dev/null
echo '-- tables'; ! command -v nft >/dev/null || nft -j list ruleset
echo '-- wording'; ! command -v nft >/dev/null || nft -a list ruleset 2>/dev/null
echo '-- kind'; ! command -v iptables-save >/dev/null || iptables-save -V
echo '-- saved4'; ! command -v iptables-save >/dev/null || iptables-save
echo '-- saved6'; ! command -v ip6tables-save >/dev/null || ip6tables-save
:"""


def parse(name: str, printed: str) -> Host:
    """Return what a host printed.

    Raises:
        HostError: its ``ip`` or ``nft`` prints what moor cannot parse
    """
    parts = PART.split(printed)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    try:
        addresses = dict(_addresses(_listed(found.get("addresses", ""))))
        routes = dict(_routes(_listed(found.get("routes", ""))))
        rules = _rules(found)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise HostError(
            f"{name}: ip -j or nft -j printed what moor cannot parse ({type(error).__name__}); run them on the host",
            ErrorKind.ANSWER,
        ) from error
    if not addresses:
        raise HostError(f"{name}: ip -j addr printed no address; moor needs iproute2 there", ErrorKind.ANSWER)
    return Host(addresses, routes, rules)


def _listed(text: str) -> list[dict[str, Any]]:
    """Return the objects of one or several JSON lists; ip prints one for each command of a batch."""
    decoder, found, at = json.JSONDecoder(), list[dict[str, Any]](), 0
    text = text.strip()
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found += value
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


def _addresses(links: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Address, str]]:
    for link in links:
        for one in link.get("addr_info", ()):
            yield ip_address(one["local"]), str(link["ifname"])


def _routes(routes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Address, HostRoute]]:
    for one in routes:
        if "dst" in one and "dev" in one and one.get("type") not in ("unreachable", "blackhole", "prohibit"):
            via = one.get("gateway") or one.get("via", {}).get("host")
            source = one.get("prefsrc")
            route = HostRoute(str(one["dev"]), via and ip_address(via), source and ip_address(source))
            with suppress(ValueError):
                yield ip_address(one["dst"]), route


def _rules(found: Mapping[str, str]) -> Ruleset:
    """Return all chains; those that iptables keeps in nft's tables are read as iptables prints them."""
    saved = {version: found.get(f"saved{version}", "") for version in FAMILIES}
    foreign = [
        (FAMILIES[version], table[1:])
        for version, text in saved.items()
        for table in text.split("\n")
        if table.startswith("*") and "nf_tables" in found.get("kind", "")
    ]
    nft = Listing(found.get("tables", ""), found.get("wording", ""), foreign).ruleset()
    others = [parse_saved(text, version) for version, text in saved.items()]
    chains = {name: rules for one in (nft, *others) for name, rules in one.chains.items()}
    return Ruleset(tuple(base for one in (nft, *others) for base in one.bases), chains)
