"""A site with one simulated device behind real SSH."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from moor.cli.commands import drift, fleet
from moor.cli.options import Options
from moor.errors import MoorError
from tests.harness.sites import Content, write_site
from tests.tasks.devices.boxes import Box
from tests.tasks.devices.simulator import host_key, public_key, served

INTERFACES = {
    "cisco_ios": ("GigabitEthernet0/1", "GigabitEthernet0/2"),
    "cisco_xe": ("GigabitEthernet0/0/1", "TenGigabitEthernet0/0/2"),
    "cisco_xr": ("GigabitEthernet0/0/0/1", "Bundle-Ether1.20"),
    "cisco_nxos": ("Ethernet1/1", "Vlan20"),
    "arista_eos": ("Ethernet1", "Ethernet2"),
    "juniper_junos": ("ge-0/0/1.0", "irb.20"),
    "vyos": ("eth1", "eth2"),
}
PLATFORMS = tuple(INTERFACES)
MEMBERS = ("10.66.0.0/16", "10.77.3.7")


def bare(platform: str) -> Box:
    """Return a device that has interfaces and no access list."""
    one, other = INTERFACES[platform]
    if platform == "vyos":
        lines = [f"set interfaces ethernet {name} address 192.0.2.{n}/24" for n, name in enumerate((one, other), 1)]
        return Box(platform, {"": lines})
    if platform == "juniper_junos":
        pairs = [name.rpartition(".") for name in (one, other)]
        lines = [f"set interfaces {name} unit {unit} family inet address 192.0.2.1/24" for name, _, unit in pairs]
        return Box(platform, {"": lines})
    return Box(platform, {f"interface {name}": ["ip address 192.0.2.1 255.255.255.0"] for name in (one, other)})


@dataclass
class Edge:
    """A device with its site; ``members`` and ``interfaces`` are settings of the site."""

    box: Box
    site: Path
    port: int
    key: str
    output: Callable[[], str]
    members: tuple[str, ...] = MEMBERS
    address: str = "10.88.0.11"
    address6: str = ""
    password: str = "file:password"
    known_hosts: bool = False
    nodes: dict[str, str] = field(default_factory=dict)  # that pull, each with its address
    harbor: dict[str, str] = field(default_factory=dict)  # the registry's host, likewise
    shell: dict[str, object] = field(default_factory=dict)  # how hosts are reached
    concern: str = "devices"
    platform: str = ""  # of the group, where Netmiko's stands in connection_options

    def __post_init__(self) -> None:
        self.interfaces = {INTERFACES[self.box.platform][0]: "in"}
        self.settings: dict[str, object] = {}
        self.routes: dict[str, object] = {}
        self.extras: dict[str, object] = {"conn_timeout": 30}

    def write(self) -> None:
        """Write the files of the site."""
        netmiko: dict[str, object] = {"password": self.password, "extras": self.extras}
        options: dict[str, object] = {"netmiko": netmiko}
        if self.platform:
            netmiko["platform"] = self.box.platform
        if self.known_hosts:
            options["shell"] = {"extras": {"known_hosts": "known_hosts"}}
        device = {"hostname": "127.0.0.1", "port": self.port, "username": "ops", "groups": ["devices"]}
        pinned = {} if self.known_hosts else {"ssh_host_key": self.key}
        filters = {"access_list": {"interfaces": self.interfaces, **self.settings}} if self.interfaces else {}
        data = {**filters, **({"routes": self.routes} if self.routes else {}), **pinned}
        second = {"address6": self.address6} if self.address6 else {}
        files: dict[str, Content] = {
            "config.yaml": {"inventory": {"plugin": "FleetInventory"}},
            "inventory/groups.yaml": {
                "devices": {"platform": self.platform or self.box.platform, "connection_options": options},
                "nodes": {},
                "harbor": {},
            },
            "inventory/hosts.yaml": {
                "edge1": {**device, "data": data},
                **{name: {"hostname": address, "groups": ["nodes"]} for name, address in self.nodes.items()},
                **{name: {"hostname": address, "groups": ["harbor"]} for name, address in self.harbor.items()},
            },
            "inventory/defaults.yaml": {
                "username": "ops",
                "connection_options": {"shell": {"extras": self.shell}},
                "data": {
                    "registry": {"name": "registry.moor.test", "address": self.address, **second},
                    "access": {"members": list(self.members)},
                },
            },
        }
        write_site(self.site, files)

    def run(self, command: str) -> tuple[int, str]:
        """Return exit code and output of ``moor plan|apply|drift`` of the concern, or of ``check``."""
        self.write()
        self.output()
        options = Options(site=self.site, quiet=True)
        commands: dict[str, Callable[[], int]] = {
            "plan": lambda: fleet.plan(options, self.concern),
            "apply": lambda: fleet.apply(options, self.concern),
            "check": lambda: fleet.check(options, None),
            "pin": lambda: fleet.check(options, lambda _: True),
            "drift": lambda: drift.drift(options, drift.DriftOptions(self.concern)),
        }
        try:
            code = commands[command]()
        except MoorError as error:
            return 1, f"{self.output()}{error}"
        return code, self.output()

    @property
    def sent(self) -> list[str]:
        """Return the commands sent since the last call, without show commands and those that begin or end a session."""
        harmless = ("show ", "terminal ", "set cli ", "set terminal", "cat ", "exit", "end")
        lines = [line for line in self.box.heard if not line.startswith(harmless)]
        self.box.heard.clear()
        return lines


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return host_key(tmp_path_factory.mktemp("device") / "host_key")


@pytest.fixture
def edge(tmp_path: Path, key_file: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Edge]]:
    """Yield a function that serves a device of a platform."""
    (tmp_path / "password").write_text("tr0ub4dor\n")
    (tmp_path / "password").chmod(0o600)

    def output() -> str:
        out, err = capsys.readouterr()
        return out + err

    with ExitStack() as stack:

        def make(platform: str, box: Box | None = None) -> Edge:
            box = box or bare(platform)
            port = stack.enter_context(served(box, key_file, "tr0ub4dor"))
            return Edge(box, tmp_path, port, public_key(key_file), output)

        yield make
