"""Rules about who may reach a host's ports, independent of the firewall dialect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, Protocol

from moor.tasks.access import Network, merged

RefusalMode = Literal["reject", "drop"]
VERSIONS = (4, 6)


@dataclass(frozen=True)
class Guard:
    """One TCP port and the networks that may reach it; others are refused."""

    port: int
    sources: tuple[Network, ...]

    def of(self, version: int) -> tuple[Network, ...]:
        """Return the networks of one address family."""
        return merged(self.sources, version)

    def admits(self, address: IPv4Address | IPv6Address) -> bool:
        """Return whether ``address`` may reach the port."""
        return any(address in network for network in self.sources)


@dataclass(frozen=True)
class Guards:
    """All guarded ports of a host; without ports, the host has no rules of moor."""

    ports: tuple[Guard, ...] = ()
    refuse: RefusalMode = "reject"

    def admitted(self) -> Iterator[tuple[int, Network]]:
        """Yield each port with each network that may reach it, IPv4 first."""
        for guard in self.ports:
            for version in VERSIONS:
                yield from ((guard.port, network) for network in guard.of(version))


class Dialect(Protocol):
    """One firewall program. Its fragments are POSIX sh; ``$d`` is a directory with what an undo needs."""

    @property
    def name(self) -> str:
        """Return the name, which is also the key in the resource's state."""

    @property
    def probe(self) -> str:
        """Return sh that prints moor's rules in the kernel, and those saved for the next boot."""

    def live(self, output: str) -> str:
        """Parse the output of ``probe`` into moor's rules, as ``render`` writes them; empty if there are none."""

    def render(self, guards: Guards, output: str) -> str:
        """Return the desired rules, one per line, given the output of ``probe``."""

    def kept(self, guards: Guards, output: str) -> bool:
        """Return whether the host will load the rules at its next boot, given the output of ``probe``."""

    def snapshot(self) -> str:
        """Return sh that saves moor's rules in ``$d``."""

    def load(self, guards: Guards, output: str) -> str:
        """Return sh that loads the rules, perhaps until the next boot only."""

    def restore(self) -> str:
        """Return sh that loads what ``snapshot`` saved."""

    def keep(self, guards: Guards, output: str) -> str:
        """Return sh that saves the rules for the next boot."""
