"""Routes to single addresses with an MTU of their own, along the way on which the host's other routes lead there.

The kernel takes the size of its packets, and the segment size that it tells the other side, from the route
(ip-route(8), mtu and advmss). Only the registry's traffic changes, and no router has to let ICMP through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from shlex import quote

from nornir.core.inventory import Host

from moor.resources.base import Resource, Scripted, State
from moor.resources.file import File
from moor.resources.service import Service
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.mtu.settings import MtuSettings

PROTOCOL = 77  # by which the kernel keeps who made a route; iproute2 has no name for it
UNIT, SCRIPT = "/etc/systemd/system/moor-mtu.service", "/etc/moor/mtu.sh"
MARK = "# Written by moor from data.mtu."
SERVICE = f"""\
{MARK}
[Unit]
Description=MTU of the way to the registry
Wants=network-online.target
After=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {SCRIPT}
[Install]
WantedBy=multi-user.target
"""

# Prints the way to address $1 by the routes that are not moor's, as words of ip-route(8): via GATEWAY dev DEVICE. A
# route to the address alone is somebody else's and printed as: alone.
WAY = f"""\
moor_way() {{
  case $1 in *:*) b=128; v=-6 ;; *) b=32; v=-4 ;; esac
  ip $v -o route show match "$1" 2>/dev/null | grep -v 'proto {PROTOCOL}' | awk -v b=$b '
    {{ n = split($1, s, "/"); l = $1 == "default" ? 0 : n == 2 ? s[2] : b; m = 0; w = ""
      for (i = 2; i < NF; i++) {{
        if ($i == "metric") m = $(i + 1)
        if ($i == "via" || $i == "dev") w = w (w == "" ? "" : " ") $i " " $(i + 1)
      }}
      if (best == "" || l > bl || (l == bl && m < bm)) {{ best = l == b ? "alone" : w; bl = l; bm = m }} }}
    END {{ if (best != "") print best }}'
}}"""


def resources_of(host: Host) -> Sequence[Resource]:
    """Return the routes to the registry's addresses, and the service that makes them."""
    size = settings_of(host, MtuSettings).registry
    addresses = [str(one) for one in settings_of(host, Registry).every_address]
    return [
        File(SCRIPT, script(addresses, size)),
        File(UNIT, SERVICE),
        RouteService("moor-mtu", newer_than=(SCRIPT, UNIT)),
        *(RouteMtu(address, size) for address in addresses),
    ]


def script(addresses: Sequence[str], size: int) -> str:
    """Return the script that makes the routes; run at each start, since routes do not outlive one."""
    places = " ".join(map(quote, addresses))
    return f"""\
{MARK}
{WAY}
for a in {places}; do
  w=$(moor_way "$a")
  case $w in
    '') continue ;;
    alone) echo "a route to $a alone is there already" >&2; exit 1 ;;
  esac
  ip $(case $a in *:*) echo -6 ;; *) echo -4 ;; esac) route replace "$a" $w mtu {size} proto {PROTOCOL} || exit 1
done
"""


@dataclass(frozen=True)
class RouteService(Service):
    """The service that makes the routes at each start of the host."""

    def follows(self, paths: frozenset[str]) -> FormerRoutes | None:  # type: ignore[override]  # its unit may be gone
        return None if paths.isdisjoint(self.newer_than) else FormerRoutes()


@dataclass(frozen=True)
class RouteMtu(Scripted):
    """A route to an address with an MTU of its own, where the host's other routes lead there."""

    address: str
    size: int

    @property
    def id(self) -> str:
        return f"mtu:{self.address}"

    @property
    def late(self) -> bool:
        return True  # the service makes it

    def desired(self, actual: State | None) -> State | None:
        return {"mtu": str(self.size), "way": str(actual["leads"])} if actual else None

    def probe(self) -> str:
        address = quote(self.address)
        family = "-6" if ":" in self.address else "-4"
        return f"""\
{WAY}
w=$(moor_way {address})
[ -n "$w" ] || exit 0
echo "leads=$w"
ip {family} -o route show {address} proto {PROTOCOL} 2>/dev/null | sed 's/^/own=/'"""

    def actual(self, output: str) -> State | None:
        found = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
        if "leads" not in found:
            return None
        words = found.get("own", "").split()
        pairs = dict(pairwise(words))
        way = " ".join(f"{key} {pairs[key]}" for key in ("via", "dev") if key in pairs)
        return {"mtu": pairs.get("mtu", "of the device"), "way": way or "no route of its own", "leads": found["leads"]}

    def refusal(self, actual: State | None, desired: State | None) -> str:
        if not actual or actual["leads"] != "alone":
            return ""
        return (
            f"a route to {self.address} alone is there, which moor did not make; add mtu {self.size} to it "
            f"(ip route show {self.address}), or take data.mtu out"
        )

    def mend(self, actual: State | None) -> str:
        return "systemctl restart moor-mtu >&2"


@dataclass(frozen=True)
class NoRouteMtu(Scripted):
    """The absence of moor's routes with an MTU, and of the service that makes them."""

    @property
    def id(self) -> str:
        return "mtu:routes"

    def desired(self, actual: State | None) -> None:
        return None

    def follows(self, paths: frozenset[str]) -> FormerRoutes | None:
        return None if paths.isdisjoint((SCRIPT, UNIT)) else FormerRoutes()

    def probe(self) -> str:
        return f"""\
for v in -4 -6; do ip $v route show proto {PROTOCOL} 2>/dev/null; done
! grep -qsF {quote(MARK)} {UNIT} {SCRIPT} || echo {UNIT}"""

    def actual(self, output: str) -> State | None:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        return {"made by moor": ", ".join(lines)} if lines else None

    def mend(self, actual: State | None) -> str:
        return f"""\
systemctl disable --now moor-mtu >&2 2>/dev/null || :
for f in {UNIT} {SCRIPT}; do ! grep -qsF {quote(MARK)} "$f" || {{ moor_keep "$f"; rm -f "$f"; }}; done
for v in -4 -6; do ip $v route flush proto {PROTOCOL} 2>/dev/null || :; done
systemctl daemon-reload"""


@dataclass(frozen=True)
class FormerRoutes(NoRouteMtu):
    """The routes of moor's files after these were put back; none where they are gone."""

    def probe(self) -> str:
        return f"""\
n=$(sed -n 's/.* mtu \\([0-9]*\\) proto .*/\\1/p' {SCRIPT} 2>/dev/null)
r=$(for v in -4 -6; do ip $v route show proto {PROTOCOL} 2>/dev/null; done |
  sed -n 's/.* mtu \\([0-9]*\\).*/\\1/p' | sort -u)
[ "$n" = "$r" ] || echo "mtu $r\""""

    def mend(self, actual: State | None) -> str:
        again = "systemctl daemon-reload && systemctl restart moor-mtu"
        return f"if [ -e {UNIT} ]; then {again}; else\n{super().mend(None)}\nfi"
