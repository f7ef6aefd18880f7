"""What hosts of the network's tests have in common: their packages, and a registry's host with a stranger beside it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from moor.errors import MoorError
from moor_lab.fleet import Fleet
from moor_lab.lab import Lab
from moor_lab.network import address6
from tests.harness.labs import fleet_of_lab
from tests.harness.sites import Content, write_site
from tests.harness.waiting import until
from tests.lab.sites import NAME, Site

# One list for all of them, so that one image is built.
NETWORK_PACKAGES = (
    "bind9",
    "dnsmasq",
    "firewalld",
    "ifupdown",
    "iptables",
    "knot",
    "netplan.io",
    "network-manager",
    "podman",
    "systemd-timesyncd",
    "ufw",
)
GREETING = b"registry\n"
# It greets whoever connects, by both address families, and again after a reboot.
GREETER = {
    "greeter.socket": "[Socket]\nListenStream=443\nAccept=yes\n[Install]\nWantedBy=sockets.target\n",
    "greeter@.service": "[Service]\nExecStart=/bin/echo registry\nStandardOutput=socket\n",
}


def two_hosts(name: str) -> Fleet:
    """Return the registry's host and a stranger of the shipped fleet, with every firewall there is."""
    fleet = fleet_of_lab(name).only("harbor1", "outsider")
    hosts = {name: host.model_copy(update={"packages": NETWORK_PACKAGES}) for name, host in fleet.hosts.items()}
    return fleet.model_copy(update={"hosts": hosts})


@contextmanager
def guarded_host(name: str) -> Iterator[Lab]:
    """Yield the two hosts, running; gone at the end."""
    fleet = two_hosts(name)
    Lab(fleet).down(secrets=True)  # of a run that was killed
    running = Lab(fleet)
    try:
        running.up()
        yield running
    finally:
        running.down(secrets=True)


class OneHost(Site):
    """A site of the registry's host, whose one member is this machine, and of a host that is to be kept out."""

    def write(self, **data: Any) -> OneHost:
        """Write the inventory: ``data`` are sections for the host beside who may reach it."""
        machine = self.lab.fleet.machine
        own = [str(machine), str(address6(machine))]
        harbor, outsider = (self.lab.machine(name).host.address for name in ("harbor1", "outsider"))
        known = {
            "registry": {"name": NAME, "address": str(harbor), "address6": str(address6(harbor))},
            "access": {"members": own, "managers": own},
        }
        shell = {"key_file": str(self.lab.key), "known_hosts": str(self.lab.known_hosts), "conn_timeout": 5}
        proxy = self.folder / "ssh_config"
        stranger = {"hostname": str(outsider), "groups": ["outsiders"]}
        options = {"username": "ops", "connection_options": {"shell": {"extras": shell}}}
        files: dict[str, Content] = {
            "config.yaml": {"ssh": {"config_file": "ssh_config"}} if proxy.exists() else {},
            "inventory/hosts.yaml": {"harbor1": self._host("harbor1"), "outsider": stranger},
            "inventory/groups.yaml": {"harbor": {}, "outsiders": {}},
            "inventory/defaults.yaml": {**options, "data": {**known, **data}},
        }
        write_site(self.folder, files)
        return self

    def through_a_proxy(self) -> OneHost:
        """Reach the host through a command, so that moor cannot know which address the host sees."""
        self.folder.mkdir(parents=True, exist_ok=True)
        relay = "bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & exec cat >&3'"
        (self.folder / "ssh_config").write_text(f"Host *\n  ProxyCommand {relay}\n")
        return self


def greet(lab: Lab, name: str) -> None:
    """Have something answer on port 443 of a host, now and after a reboot."""
    for unit, text in GREETER.items():
        lab.exec(name, ["sh", "-c", f"cat > /etc/systemd/system/{unit}"], stdin=text)
    lab.exec(name, ["systemctl", "enable", "--now", "-q", "greeter.socket"])


def from_here(address: IPv4Address | IPv6Address, port: int = 443) -> bytes:
    """Return what this machine is greeted with; why not, where it is not."""
    try:
        with socket.create_connection((str(address), port), 5) as connection:
            return connection.recv(9)
    except OSError as error:
        return str(error).encode()


def from_host(lab: Lab, name: str, address: IPv4Address | IPv6Address, port: int = 443) -> bytes:
    """Return what a host is greeted with; why not, where it is not."""
    try:
        return lab.exec(name, ["busybox", "nc", "-w", "3", str(address), str(port)]).encode()[:9]
    except MoorError as error:
        return str(error).rpartition(": ")[2].encode()


def began(lab: Lab, name: str) -> str:
    """When a host's first process began, which tells one boot from another: proc(5), field 22 of stat."""
    return lab.exec(name, ["cat", "/proc/1/stat"]).rpartition(")")[2].split()[19]


def reboot(lab: Lab, name: str) -> None:
    """Have a host reboot as an operator would, and wait until it greets again."""
    before = began(lab, name)
    lab.exec(name, ["systemctl", "reboot"])

    def anew() -> bool:
        with suppress(MoorError):  # between the two boots
            return began(lab, name) != before
        return False

    until(anew, f"{name} boots again", limit_s=180)  # its services may take 90 s to end
    lab.machine(name).wait_ssh()
