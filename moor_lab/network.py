"""The lab's network: a bridge in its own network namespace, with one link to the machine."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from moor.errors import MoorError
from moor_lab.cgroups import Cgroup
from moor_lab.fleet import Fleet
from moor_lab.machine import check_network, run, start


def link_name(address: IPv4Address) -> str:
    """Return the name of a host's link on the bridge, made from the address, since a host's name may be too long."""
    return "h" + "-".join(str(address).split(".")[2:])


def mac_of(address: IPv4Address) -> str:
    """Return a host's MAC address; it stays the same, since neighbours cache it for a minute."""
    return ":".join(f"{octet:02x}" for octet in (0x02, 0x6D, *address.packed))


ULA = IPv6Address("fd6d:6f6f:72::")  # RFC 4193; the lab's own prefix of 48 bits
ULA_BITS = 48


def address6(address: IPv4Address) -> IPv6Address:
    """Return the IPv6 address of a host: the lab's prefix, then the 32 bits of its IPv4 address."""
    return IPv6Address(int(ULA) | int(address) << 128 - ULA_BITS - 32)


def has_ipv6() -> bool:
    """Return whether this machine's kernel has IPv6 and it is enabled."""
    try:
        return Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").read_text().strip() == "0"
    except OSError:
        return False


@dataclass(frozen=True)
class Network:
    """The network of a lab, which exists as long as the one process in ``cgroup`` that holds its namespace."""

    fleet: Fleet
    cgroup: Cgroup

    @property
    def machine_link(self) -> str:
        """Return the name of the machine's end of the link."""
        return f"moor-{self.fleet.name}"

    @property
    def namespace(self) -> Path:
        """Return the network namespace of the bridge.

        Raises:
            MoorError: the lab is down
        """
        pids = self.cgroup.pids()
        if not pids:
            raise MoorError("lab: the network is down; bring it up with: moor lab up")
        return Path(f"/proc/{pids[0]}/ns/net")

    def addresses(self, address: IPv4Address) -> list[str]:
        """Return the addresses of a link, as ``ip addr add`` takes them: IPv4, and IPv6 where the machine has it."""
        prefix = self.fleet.network.prefixlen
        # nodad: usable at once, since no other host has it
        ipv6 = [f"{address6(address)}/{ULA_BITS + prefix} nodad"] if has_ipv6() else []
        return [f"{address}/{prefix}", *ipv6]

    @property
    def gateways(self) -> list[str]:
        """Return the addresses of every host's default routes."""
        gateway = self.fleet.gateway
        return [str(gateway), *([str(address6(gateway))] if has_ipv6() else [])]

    def up(self) -> None:
        """Create namespace, bridge and link unless they exist."""
        if self.cgroup.populated:
            return
        routes = json.loads(run("ip", "-json", "-4", "route"))
        check_network(self.fleet.network, [route for route in routes if route.get("dev") != self.machine_link])
        self.cgroup.path.mkdir(exist_ok=True)
        self._start_holder()
        self._make_bridge()

    def await_gone(self, limit_s: float = 30) -> None:
        """Wait until the machine's end of the link is gone.

        The kernel removes a namespace some time after its last process has ended, seconds on a busy machine.

        Raises:
            MoorError: the link is still there after ``limit_s``
        """
        link = Path("/sys/class/net", self.machine_link)
        end = time.monotonic() + limit_s
        while link.exists():
            if time.monotonic() > end:
                raise MoorError(f"lab: the link {link.name} is still there {limit_s:.0f} s after its network ended")
            time.sleep(0.01)

    def inside(self, *argv: str, stdin: str = "") -> str:
        """Run a program of the machine inside the lab's network."""
        return run("nsenter", f"--net={self.namespace}", *argv, stdin=stdin)

    def _start_holder(self) -> None:
        enter = 'echo 0 >"$0/cgroup.procs"; exec sleep infinity'
        start("unshare", "--net", "sh", "-c", enter, self.cgroup.path)
        end = time.monotonic() + 10
        while not self.cgroup.populated:
            if time.monotonic() > end:
                raise MoorError("lab: no network namespace could be made; is CONFIG_NET_NS in this kernel?")
            time.sleep(0.005)

    def _make_bridge(self) -> None:
        batch = [
            "link set lo up",
            "link add bridge type bridge stp_state 0 forward_delay 0",
            "link set bridge up",
            *(f"addr add {address} dev bridge" for address in self.addresses(self.fleet.gateway)),
            # connections to the internet are refused at once instead of timing out
            "route add unreachable default",
            *(["route add unreachable ::/0"] if has_ipv6() else []),
        ]
        self.inside("ip", "-batch", "-", stdin="\n".join(batch))
        forward = "for f in ipv4/ip_forward ipv6/conf/all/forwarding; do [ ! -e $f ] || echo 1 >$f; done"
        self.inside("sh", "-c", f"cd /proc/sys/net && {forward}")
        self._link_machine()

    def _link_machine(self) -> None:
        link, holder = self.machine_link, self.namespace.parts[2]
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "machine", "netns", holder)
        self.inside("ip", "link", "set", "machine", "master", "bridge", "up")
        lines = [f"addr add {address} dev {link}" for address in self.addresses(self.fleet.machine)]
        run("ip", "-batch", "-", stdin="\n".join([f"link set {link} up", *lines]))
