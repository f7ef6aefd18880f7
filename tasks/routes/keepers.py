"""The programs that configure a host's interfaces, and the file of moor's own by which each sets a route; pure.

References:
    systemd.network(5), netplan(5), interfaces(5), NetworkManager-dispatcher(8)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from moor.errors import HostError
from moor.tasks.routes.wanted import Route

HEAD = "# Written by moor; change data.routes in the inventory instead."
NETPLAN = "/etc/netplan/90-moor-routes.yaml"
IFUPDOWN = "/etc/network/if-up.d/moor-routes"
NETWORKMANAGER = "/etc/NetworkManager/dispatcher.d/50-moor-routes"
UNIT = "moor-routes.service"
BARE = f"/etc/systemd/system/{UNIT}"
UNITS = {BARE: UNIT, NETWORKMANAGER: "NetworkManager-dispatcher.service"}  # without which nobody reads the file
DROP_INS, DROP_IN = "/etc/systemd/network", "moor-routes.conf"
METRIC6 = 1  # before the routes that routers announce, which have 1024
MODES = {NETPLAN: "0600", IFUPDOWN: "0755", NETWORKMANAGER: "0755"}  # netplan warns of a file that others may read
SAFE_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,15}")
NOTE = re.compile(r"^# moor: (\S+) via (\S+) dev (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Keeper:
    """What configures an interface.

    Attributes:
        program: ``netplan``, ``networkd``, ``ifupdown``, ``NetworkManager``; empty if none of them does
        name: netplan's: of the interface's definition; networkd's: of the interface's .network file
        section: netplan's: the kind of the interface, such as ``ethernets``
    """

    program: str
    name: str = ""
    section: str = ""


@dataclass(frozen=True)
class Placed:
    """A route by an interface."""

    route: Route
    interface: str

    def __str__(self) -> str:
        return f"{self.route} dev {self.interface}"

    @property
    def way(self) -> str:
        """Return the way as the host's own table shows it."""
        return f"via {self.route.via} dev {self.interface}"

    @property
    def metric(self) -> str:
        return f" metric {METRIC6}" if self.route.to.version == 6 else ""

    @property
    def set(self) -> str:
        """Return sh that sets it, whatever was there before."""
        return f"ip {self.route.family} route replace {self}{self.metric} proto static"

    @property
    def remove(self) -> str:
        """Return sh that removes it, if it is there."""
        return f"ip {self.route.family} route del {self}{self.metric} 2>/dev/null || :"


def files_for(placed: Iterable[Placed], keepers: Mapping[str, Keeper]) -> dict[str, str]:
    """Return the content of each file that brings the routes back after a reboot.

    Args:
        keepers: what configures each interface
    """
    parts = dict[str, list[Placed]]()
    for one in placed:
        parts.setdefault(path_for(keepers[one.interface]), []).append(one)
    return {path: _content(path, own, keepers) for path, own in parts.items()}


def path_for(keeper: Keeper) -> str:
    """Return the path of moor's file."""
    if keeper.program == "networkd":
        return f"{DROP_INS}/{keeper.name}.d/{DROP_IN}"
    return {"netplan": NETPLAN, "ifupdown": IFUPDOWN, "NetworkManager": NETWORKMANAGER}.get(keeper.program, BARE)


def routes_in(content: str) -> list[Placed]:
    """Return the routes of a file that moor has written."""
    found = list[Placed]()
    for to, via, interface in NOTE.findall(content):
        try:
            found.append(Placed(Route(ip_network(to), ip_address(via)), interface))
        except ValueError:
            continue  # somebody has edited the comment; the file is written anew
    return [one for one in found if SAFE_NAME.fullmatch(one.interface)]


def check_name(interface: str) -> str:
    """Return the name of an interface; raise HostError if no file can hold it."""
    if not SAFE_NAME.fullmatch(interface):
        raise HostError(f"the interface {interface!r} has a name that moor writes into no file; rename it")
    return interface


def _content(path: str, placed: Sequence[Placed], keepers: Mapping[str, Keeper]) -> str:
    notes = [HEAD, *(f"# moor: {one}" for one in placed)]
    if path == NETPLAN:
        body = _netplan(placed, keepers)
    elif path in (IFUPDOWN, NETWORKMANAGER):
        notes, body = ["#!/bin/sh", *notes], _script(placed, of_manager=path == NETWORKMANAGER)
    else:
        body = _unit(placed) if path == BARE else _networkd(placed)
    return "\n".join([*notes, *body, ""])


def _networkd(placed: Sequence[Placed]) -> list[str]:
    lines = list[str]()
    for one in placed:
        lines += ["", "[Route]", f"Destination={one.route.to}", f"Gateway={one.route.via}"]
        lines += [f"Metric={METRIC6}"] if one.metric else []
    return lines


def _netplan(placed: Sequence[Placed], keepers: Mapping[str, Keeper]) -> list[str]:
    lines = ["network:", "  version: 2"]
    for section in dict.fromkeys(keepers[one.interface].section for one in placed):
        lines.append(f"  {section}:")
        own = [one for one in placed if keepers[one.interface].section == section]
        for interface in dict.fromkeys(one.interface for one in own):
            lines += [f"    {json.dumps(keepers[interface].name)}:", "      routes:"]
            for one in own:
                if one.interface == interface:
                    lines += [f'        - to: "{one.route.to}"', f'          via: "{one.route.via}"']
                    lines += [f"          metric: {METRIC6}"] if one.metric else []
    return lines


def _script(placed: Sequence[Placed], *, of_manager: bool) -> list[str]:
    """Return the lines of a script that the program runs whenever an interface has come up."""
    events = ("up", "dhcp4-change", "dhcp6-change", "reapply")
    lines = ['case "$2:$1" in' if of_manager else 'case "$IFACE" in']
    for name in dict.fromkeys(one.interface for one in placed):
        lines.append(f"{'|'.join(f'{event}:{name}' for event in events) if of_manager else name})")
        # An address may still be missing; the script runs again once it is there.
        lines += [f"    {one.set} 2>/dev/null || :" for one in placed if one.interface == name] + ["    ;;"]
    return [*lines, "esac"]


def _unit(placed: Sequence[Placed]) -> list[str]:
    """Return the lines of a unit for a host whose network nobody configures that moor knows."""
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return [
        "[Unit]",
        "Description=Static routes, as moor's inventory says",
        "Wants=network-online.target",
        "After=network.target network-online.target",
        "StartLimitIntervalSec=300",
        "StartLimitBurst=60",
        "",
        "[Service]",
        "Type=oneshot",
        "RemainAfterExit=yes",
        f"Environment={path}",
        *(f"ExecStart=/bin/sh -c '{one.set}'" for one in placed),
        "Restart=on-failure",
        "RestartSec=2",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
