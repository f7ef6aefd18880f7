"""Static routes in the configuration of each kind of network device: how they are written, found and changed; pure.

moor's own routes are those with its mark, or on Junos those of its own configuration group; all others stay.

References:
    Cisco, "ip route" and "ipv6 route" (name); IOS XR, "router static" (description); Arista, "ip route" (name);
    Juniper, "groups", "static (Routing Options)"; VyOS, "Static" (description)
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from moor.tasks.devices.acl.sections import without_banners
from moor.tasks.devices.acl.text import ListOnDevice, ListSyntax, canonical
from moor.tasks.devices.platforms import PLATFORMS
from moor.tasks.routes.wanted import Route

MARK = "MOOR"
GROUP = "moor-routes"


@dataclass(frozen=True)
class RouteSyntax(ListSyntax):
    """The syntax of static routes on one platform.

    Attributes:
        platform: Netmiko's name
    """

    platform: str

    @property
    def lists(self) -> ListSyntax:
        """Return the syntax of the platform's access lists, which tells whether a configuration is complete."""
        return PLATFORMS[self.platform].lists

    def check(self, configuration: str) -> None:
        self.lists.check(configuration)

    def started(self, configuration: str) -> str:
        return self.lists.started(configuration)

    def wanted(self, routes: Iterable[Route]) -> ListOnDevice:
        """Return the routes in the form in which the device's configuration has them."""
        routes = tuple(routes)
        lines = [line for route in routes for line in self.lines(route)]
        return ListOnDevice(
            "\n".join([*sorted(lines), *self.rest(routes)]), places=frozenset(_place(r.to) for r in routes)
        )

    @abstractmethod
    def lines(self, route: Route) -> list[str]:
        """Return the lines of a route."""

    def rest(self, routes: tuple[Route, ...]) -> list[str]:
        """Return the lines that are needed beside those of the routes."""
        return []


def _place(network: object) -> str:
    return f"route to {network}"


@dataclass(frozen=True)
class LineRoutes(RouteSyntax):
    """A route as one line: IOS, IOS-XE, NX-OS, EOS.

    Attributes:
        masks: IPv4 networks are written with a mask
    """

    masks: bool = False

    def lines(self, route: Route) -> list[str]:
        network = route.to.with_netmask.replace("/", " ") if self.masks and route.to.version == 4 else str(route.to)
        word = "ip" if route.to.version == 4 else "ipv6"
        return [f"{word} route {network} {route.via} name {MARK}"]

    def find(self, configuration: str, name: str) -> ListOnDevice:
        own, taken = list[str](), dict[str, str]()
        for line in without_banners(configuration):
            words = canonical(" ".join(line.split())).split()
            if line[:1].isspace() or words[1:2] != ["route"] or words[0] not in ("ip", "ipv6") or "vrf" in words:
                continue
            if f" name {name} " in f"{' '.join(words)} ":
                own.append(" ".join(words))
            elif place := self._place(words):
                taken[place] = f"a static route ({' '.join(words)})"
        return ListOnDevice("\n".join(sorted(own)), taken=taken)

    def _place(self, words: list[str]) -> str:
        text = "/".join(words[2:4]) if self.masks and words[0] == "ip" else words[2] if len(words) > 2 else ""
        return _place_of(text)

    def remedy(self, before: str, after: str, name: str) -> list[str]:
        old, new = before.splitlines(), after.splitlines()
        # The new one first, so that there is a route at every moment.
        return [*(line for line in new if line not in old), *(f"no {line}" for line in old if line not in new)]


@dataclass(frozen=True)
class XrRoutes(RouteSyntax):
    """A route of IOS XR, below ``router static`` and its address family; its text is that of one command."""

    def lines(self, route: Route) -> list[str]:
        return [f"{self._head(route.to.version)} {route.to} {route.via} description {MARK}"]

    def _head(self, version: int) -> str:
        return f"router static address-family ipv{version} unicast"

    def find(self, configuration: str, name: str) -> ListOnDevice:
        own, taken = list[str](), dict[str, str]()
        for head, line in _xr_routes(configuration):
            words = line.split()
            if f" description {name} " in f"{line} ":
                own.append(f"{head} {line}")
            elif place := _place_of(words[0]):
                taken[place] = f"a static route ({line})"
        return ListOnDevice("\n".join(sorted(own)), taken=taken)

    def remedy(self, before: str, after: str, name: str) -> list[str]:
        old, new = before.splitlines(), after.splitlines()
        gone = [line.partition(" description ")[0] for line in old if line not in new]
        return [*(f"no {line}" for line in gone), *(line for line in new if line not in old)]


def _xr_routes(configuration: str) -> Iterator[tuple[str, str]]:
    """Yield the static routes outside of VRFs, each with the commands above it."""
    inside, base, family = False, 0, ""
    for line in without_banners(configuration):
        text, depth = canonical(" ".join(line.split())), len(line) - len(line.lstrip())
        if not depth:
            inside, base, family = text == "router static", 0, ""
        elif inside and text != "!":
            base = base or depth
            if depth == base:
                family = text if text.startswith("address-family ") else ""
            elif family:
                yield f"router static {family}", text


@dataclass(frozen=True)
class JunosRoutes(RouteSyntax):
    """Routes of Junos in a configuration group of moor's own."""

    def lines(self, route: Route) -> list[str]:
        table = "" if route.to.version == 4 else "rib inet6.0 "
        return [f"set groups {GROUP} routing-options {table}static route {route.to} next-hop {route.via}"]

    def rest(self, routes: tuple[Route, ...]) -> list[str]:
        return [f"set apply-groups {GROUP}"] if routes else []

    def find(self, configuration: str, name: str) -> ListOnDevice:
        own, applied, taken = list[str](), list[str](), dict[str, str]()
        for line in configuration.replace('"', "").splitlines():
            text = canonical(" ".join(line.split()))
            bare = re.sub("^deactivate ", "set ", text)
            if bare.startswith(f"set groups {GROUP} ") or bare == f"set groups {GROUP}":
                own.append(text)
            elif bare == f"set apply-groups {GROUP}":
                applied.append(text)
            elif found := re.match(
                r"set routing-options (?:rib inet6\.0 )?static route (\S+) (?!tag|description)", text
            ):
                taken[_place_of(found[1])] = f"a static route ({text.removeprefix('set ')})"
        return ListOnDevice("\n".join([*sorted(own), *applied]), taken=taken)

    def remedy(self, before: str, after: str, name: str) -> list[str]:
        old, new = before.splitlines(), after.splitlines()
        active = [re.sub("^deactivate", "activate", line) for line in old if line.startswith("deactivate ")]
        if not new:
            return [line for line in (f"delete apply-groups {GROUP}", f"delete groups {GROUP}") if _in(line, old)]
        gone = [line.partition(" next-hop ")[0] for line in old if line not in new and line.startswith("set ")]
        return [
            *active,
            *(f"delete {line.removeprefix('set ')}" for line in dict.fromkeys(gone)),
            *(line for line in new if line not in old or line.partition(" next-hop ")[0] in gone),
        ]


def _in(command: str, lines: list[str]) -> bool:
    """Return whether there is something that a delete command deletes."""
    path = command.removeprefix("delete ")
    return any(f"{line.partition(' ')[2]} ".startswith(f"{path} ") for line in lines)


@dataclass(frozen=True)
class VyosRoutes(RouteSyntax):
    """Routes of VyOS, marked by their description."""

    def lines(self, route: Route) -> list[str]:
        node = f"set protocols static route{'' if route.to.version == 4 else '6'} {route.to}"
        return [f"{node} description {MARK}", f"{node} next-hop {route.via}"]

    def find(self, configuration: str, name: str) -> ListOnDevice:
        nodes = dict[str, list[str]]()
        for line in configuration.replace("'", "").replace('"', "").splitlines():
            text = canonical(" ".join(line.split()))
            if found := re.match(r"set protocols static route6? (\S+)", text):
                nodes.setdefault(found[0], []).append(text)
        own = {node for node, lines in nodes.items() if f"{node} description {name}" in lines}
        taken = {
            _place_of(node.split()[-1]): f"a static route ({lines[-1].removeprefix('set ')})"
            for node, lines in nodes.items()
            if node not in own
        }
        return ListOnDevice("\n".join(sorted(line for node in own for line in nodes[node])), taken=taken)

    def remedy(self, before: str, after: str, name: str) -> list[str]:
        old, new = before.splitlines(), after.splitlines()
        changed = [_node(line) for line in old if line not in new]
        return [
            *(f"delete {node.removeprefix('set ')}" for node in dict.fromkeys(changed)),
            *(line for line in new if line not in old or _node(line) in changed),
        ]


def _node(line: str) -> str:
    return " ".join(line.split()[:5])


def _place_of(text: str) -> str:
    """Return the place of a network as a device writes it; empty if it is none."""
    try:
        return _place(ip_network(text, strict=False))
    except ValueError:
        return ""


ROUTES: Mapping[str, RouteSyntax] = {
    "cisco_ios": LineRoutes("cisco_ios", masks=True),
    "cisco_xe": LineRoutes("cisco_xe", masks=True),
    "cisco_xr": XrRoutes("cisco_xr"),
    "cisco_nxos": LineRoutes("cisco_nxos"),
    "arista_eos": LineRoutes("arista_eos"),
    "juniper_junos": JunosRoutes("juniper_junos"),
    "vyos": VyosRoutes("vyos"),
}
