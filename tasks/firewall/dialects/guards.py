"""Who may reach a host's ports, whatever dialect it is said in."""

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
    """One TCP port, and the networks that may reach it; everybody else is refused."""

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
    """All guarded ports of a host; without any, moor's rules are to be gone."""

    ports: tuple[Guard, ...] = ()
    refuse: RefusalMode = "reject"

    def admitted(self) -> Iterator[tuple[int, Network]]:
        """Yield each port with each network that may reach it, IPv4 first."""
        for guard in self.ports:
            for version in VERSIONS:
                yield from ((guard.port, network) for network in guard.of(version))


class Dialect(Protocol):
    """One way to say guards to a host. Fragments are POSIX sh; ``$d`` is a directory that holds what an undo needs."""

    @property
    def name(self) -> str:
        """Name it; the field of the state too."""

    @property
    def probe(self) -> str:
        """Return sh that prints moor's rules as the kernel has them, and what is kept for the next boot."""

    def live(self, output: str) -> str:
        """Read what ``probe`` printed: moor's rules, in the form that ``render`` gives; empty where there are none."""

    def render(self, guards: Guards, output: str) -> str:
        """Return the rules, one a line; ``output`` is what ``probe`` printed."""

    def kept(self, guards: Guards, output: str) -> bool:
        """Tell by what ``probe`` printed whether the host will have the rules after its next boot."""

    def snapshot(self) -> str:
        """Return sh that remembers moor's rules in ``$d``."""

    def load(self, guards: Guards, output: str) -> str:
        """Return sh that loads the rules, until the next boot or for good."""

    def restore(self) -> str:
        """Return sh that loads what ``snapshot`` remembered."""

    def keep(self, guards: Guards, output: str) -> str:
        """Return sh that keeps the rules for the next boot."""
