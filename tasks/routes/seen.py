"""What a host says of its routes, its interfaces and who configures them; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from moor.errors import ErrorKind, HostError
from moor.formats.yaml_text import parse_yaml
from moor.tasks.routes.keepers import (
    BARE,
    DROP_IN,
    DROP_INS,
    IFUPDOWN,
    NETPLAN,
    NETWORKMANAGER,
    UNITS,
    Keeper,
    Placed,
    check_name,
    routes_in,
)
from moor.tasks.routes.wanted import Route

FILES = (NETPLAN, IFUPDOWN, NETWORKMANAGER, BARE)
# Where others write static routes.
FOREIGN = (
    "/etc/netplan/*.yaml /etc/systemd/network/*.network /etc/systemd/network/*.network.d/*.conf "
    "/etc/network/interfaces /etc/network/interfaces.d/* /etc/network/if-up.d/* "
    "/etc/NetworkManager/system-connections/* /etc/NetworkManager/dispatcher.d/*"
)
ROUTE_LINE = re.compile(
    r"^\s*[-{\s]*\"?to\"?\s*:|^\s*Destination\s*=|^\s*route\d*\s*=|\b(?:route|r)\s+(?:add|replace)\b"
)
NETWORK_FILE = re.compile(r"/\S+/(\S+\.network)$")


def probe_of(routes: Sequence[Route], interface: str) -> str:
    """Return sh that prints it all; every part begins with a line of ``==``, and other lines with a blank.

    Args:
        interface: the one by which the next hops are reached; empty if the host is to tell
    """
    hops = " ".join(dict.fromkeys(quote(str(route.via)) for route in routes))
    networks = " ".join(quote(str(route.to)) for route in routes)
    singles = " ".join(quote(route.single) for route in routes if route.single)
    words = " ".join(f"-e {quote(route.single or str(route.to))}" for route in routes)
    by = f" oif {quote(interface)}" if interface else ""
    return f"""\
if command -v ip >/dev/null; then
said() {{ printf '== %s\\n' "$*"; sed 's/^/ /'; }}
family() {{ case $1 in *:*) echo -6 ;; *) echo -4 ;; esac; }}
files() {{ for p in {" ".join(FILES)} {DROP_INS}/*.network.d/{DROP_IN}; do [ ! -f "$p" ] || echo "$p"; done; }}
known=$(files | while read -r p; do sed -n 's/^# moor: \\([0-9a-fA-F:./]*\\) via .*/\\1/p' "$p"; done)
names={quote(interface)}
for g in {hops}; do
  w=$(ip -o $(family "$g") route get "$g"{by} 2>&1 | head -n 1)
  printf '%s\\n' "$w" | said hop "$g"
  i=$(printf '%s\\n' "$w" | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')
  case " $names " in *" $i "*) ;; *) names="$names $i" ;; esac
done
for a in {singles}; do ip -o $(family "$a") route get "$a" 2>&1 | head -n 1 | said way "$a"; done
for n in {networks} $known; do ip -o $(family "$n") route show table main exact "$n" 2>/dev/null | said table "$n"; done
for i in $names; do
  {{
    ! command -v nmcli >/dev/null || nmcli -t -f GENERAL.STATE,GENERAL.CONNECTION device show "$i" 2>/dev/null
    ! systemctl is-active -q systemd-networkd 2>/dev/null ||
      networkctl --no-pager status "$i" 2>/dev/null | sed -n 's/^ *Network File: */NETWORK:/p'
    ! command -v ifup >/dev/null || [ -z "$(cat /etc/network/interfaces /etc/network/interfaces.d/* 2>/dev/null |
      sed -n "s/^[[:space:]]*iface[[:space:]][[:space:]]*$i[[:space:]].*/x/p")" ] || echo IFUPDOWN
  }} | said device "$i"
done
! command -v netplan >/dev/null || [ -z "$names" ] ||
  netplan get 2>/dev/null | sed -n '/^ \\{{0,4\\}}[^ ]/p' | said netplan
files | while read -r p; do said file "$(stat -c %a "$p")" "$p" < "$p"; done
[ ! -d /run/systemd/system ] || for u in {" ".join(UNITS.values())}; do
  systemctl is-enabled "$u" 2>/dev/null | said unit "$u"
done
{f"grep -sHnwF {words} {FOREIGN} | said foreign" if routes else ":"}
else echo '== lacking'; fi
:"""


@dataclass(frozen=True)
class Seen:
    """What a host has said.

    Attributes:
        hops: the host's way to each next hop
        ways: its way to each single address
        tables: its routes to each network, in the main table
        devices: what its programs say of each interface
        netplan: the names of the interfaces in netplan's configuration, as YAML
        files: the content of each file of moor's
        modes: their modes
        foreign: lines of other files that name a network, each with its file and number
        units: what systemd says of the units that read files; nothing without systemd
        lacking: whether the host has no iproute2
    """

    hops: Mapping[str, str] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    netplan: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, str] = field(default_factory=dict)
    foreign: Sequence[str] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    lacking: bool = False

    @property
    def recorded(self) -> list[Placed]:
        """Return the routes that moor set before, by its own files."""
        return list(dict.fromkeys(one for content in self.files.values() for one in routes_in(content)))

    def place(self, route: Route) -> Placed:
        """Return a route with the interface by which the host reaches the next hop.

        Raises:
            HostError: the host has no interface on the next hop's network, or no iproute2
        """
        if self.lacking:
            raise HostError("the host has no ip, by which routes are set; install iproute2", ErrorKind.UNMET)
        said = self.hops.get(str(route.via), "")
        way, interface = _way_of(said)
        if not interface:
            raise HostError(
                f"no interface is on a network of the next hop {route.via} ({said or 'ip says nothing'}); "
                "correct data.routes for this host"
            )
        if way:
            raise HostError(
                f"the next hop {route.via} is itself behind {way}: a next hop is a router on a network of the host's "
                "own; correct data.routes for this host"
            )
        if said.startswith("local "):
            raise HostError(f"the next hop {route.via} is the host's own address; correct data.routes for this host")
        return Placed(route, check_name(interface))

    def keeper_of(self, interface: str) -> Keeper:
        """Return what configures an interface.

        Raises:
            HostError: nothing that moor knows would set a route after a reboot
        """
        said = self.devices.get(interface, "").splitlines()
        fields = dict(line.partition(":")[::2] for line in said)
        # NetworkManager only looks on where it is "unmanaged" or "connected (externally)".
        manages = re.match(r"\d+ \((?!unmanaged)[^(]*\)$", fields.get("GENERAL.STATE", ""))
        profile = fields.get("GENERAL.CONNECTION", "") if manages else ""
        file = NETWORK_FILE.search(fields.get("NETWORK", ""))
        for name in (profile.removeprefix("netplan-"), file[1][11:-8] if file else ""):
            made = f"netplan-{name}" == profile or (file is not None and file[1] == f"10-netplan-{name}.network")
            if name and made and (section := self._netplan_section(name)):
                return Keeper("netplan", name, section)
        if profile:
            return Keeper("NetworkManager")
        if file:
            return Keeper("networkd", file[1])
        if "IFUPDOWN" in said:
            return Keeper("ifupdown")
        if not self.units:
            raise HostError(
                f"neither netplan, networkd, ifupdown nor NetworkManager configures {interface}, and the host has no "
                "systemd, so that nothing would set the route after a reboot"
            )
        return Keeper("")

    def _netplan_section(self, name: str) -> str:
        """Return the kind of an interface in netplan's configuration; empty if it is not there."""
        try:
            network = parse_yaml(self.netplan).get("network")
        except ValueError:
            return ""
        sections = network.items() if isinstance(network, dict) else ()
        return next((str(kind) for kind, own in sections if isinstance(own, dict) and name in own), "")

    def found(self, placed: Placed) -> str:
        """Return the host's present way to a network, in the form of ``Placed.way`` if it is the placed one."""
        lines = self.tables.get(str(placed.route.to), "").splitlines()
        own = next((line for line in lines if _is_same(line, placed)), "")
        if single := placed.route.single:
            way, interface = _way_of(self.ways.get(single, ""))
            present = f"via {way} dev {interface}" if way else f"dev {interface}" if interface else "no route"
            if present != placed.way or not own:
                return present if present != placed.way else f"{present}, by another route"
            return placed.way
        return placed.way if own else "; ".join(" ".join(line.split()[1:]) for line in lines) or "no route"

    def refuse_foreign(self, routes: Sequence[Route]) -> None:
        """Raise HostError if somebody else's file sets one of the routes too, with each file and line."""
        names = {text for route in routes for text in (str(route.to), route.single) if text}
        wrong = list[str]()
        for said in self.foreign:
            path, number, line = (*said.split(":", 2), "", "")[:3]
            if path in FILES or path.endswith(DROP_IN) or not ROUTE_LINE.search(line):
                continue
            if names & set(re.split(r"[\s,;\"'={}]+", line)):
                wrong.append(f"{path}, line {number}, sets the route too: {line.strip()}")
        if wrong:
            raise HostError("\n".join([*wrong, "take it out there, or leave data.routes out; two would fight"]))


def read_seen(output: str) -> Seen:
    """Read what ``probe_of`` has printed."""
    parts = [part.partition("\n") for part in f"\n{output}".split("\n== ")[1:]]
    found = dict[str, dict[str, str]]()
    for head, _, body in parts:
        kind, _, name = head.partition(" ")
        found.setdefault(kind, {})[name] = "\n".join(line[1:] for line in body.splitlines())
    named = {name.partition(" ")[2]: (name.partition(" ")[0], text) for name, text in found.get("file", {}).items()}
    return Seen(
        found.get("hop", {}),
        found.get("way", {}),
        found.get("table", {}),
        found.get("device", {}),
        found.get("netplan", {}).get("", ""),
        {path: f"{text}\n" for path, (_, text) in named.items()},
        {path: mode.rjust(4, "0") for path, (mode, _) in named.items()},
        found.get("foreign", {}).get("", "").splitlines(),
        {name: said or "unknown" for name, said in found.get("unit", {}).items()},
        lacking="lacking" in found,
    )


def _way_of(line: str) -> tuple[str, str]:
    """Return next hop and interface of a line that ``ip route get`` printed; both may be empty."""
    way = re.search(r"(?: via (?:inet6? )?(\S+))?(?: table \S+)? dev (\S+)", line)
    return (way[1] or "", way[2]) if way else ("", "")


def _is_same(line: str, placed: Placed) -> bool:
    """Return whether a line of the table is the placed route."""
    words = line.split()
    metric = words[words.index("metric") + 1] if "metric" in words[:-1] else "0"
    return f" {placed.way} " in f"{line} " and metric == (placed.metric.split() or ["", "0"])[1]
