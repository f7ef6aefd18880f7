"""What is computed of a host, computed once for hosts that are alike.

A function of a host is called with a stand-in that notes what the function reads of the host. For another host in
which all of this has the same values, it would return the same, so it is not called again. A function that reads the
host's name or address, or keeps the host, is called for each host.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from nornir.core.inventory import ConnectionOptions, Host

from moor.settings.shared_models import content_of

Found = TypeVar("Found")
Read = tuple[str, ...]  # how a value is read: ("data", key), ("port",), ("connection", kind, "port")

ABSENT = object()
COMMON = ("groups", "defaults")  # shared by hosts of the same groups
VALUES = ("port", "username", "platform")
OPTIONS = (*VALUES, "hostname", "password", "extras")  # of a connection
OWN = ("name", "hostname", "password", "connections", "connection_options")
ACTS = ("get_connection", "open_connection", "close_connection", "close_connections", "dict")
NOTED = frozenset({"data", *COMMON, *VALUES, *OWN, *ACTS})
UNUSED = 2  # references to an object that only a list and the call of getrefcount have
VARIETY = 64  # more kinds of hosts than this are not worth remembering


@dataclass
class HostReads:
    """What a function read of a host.

    Attributes:
        values: each value that was read, by the way to read it again.
        is_particular: it read something that every host has of its own.
        given: the stand-ins that the function was given.
    """

    values: dict[Read, object] = field(default_factory=dict)
    is_particular: bool = False
    given: list[object] = field(default_factory=list)

    def give(self, stand_in: Found) -> Found:
        """Remember a stand-in that the function is given, and return it."""
        self.given.append(stand_in)
        return stand_in

    def are_kept(self) -> bool:
        """Return whether somebody else than ``given`` still has one of the stand-ins."""
        return any(sys.getrefcount(self.given[at]) > UNUSED for at in range(len(self.given)))


def value_of(host: Host, read: Read) -> object:
    """Read one value of a host again."""
    kind, *rest = read
    if kind == "data":
        return host.data.get(rest[0], ABSENT)
    return getattr(host.get_connection_parameters(rest[0]), rest[1]) if rest else getattr(host, kind)


class WatchedData(MutableMapping[str, Any]):
    """A host's data; every key that is read is noted."""

    def __init__(self, data: dict[str, Any], reads: HostReads) -> None:
        self._data, self._reads = data, reads

    def __getitem__(self, key: str) -> Any:
        self._reads.values["data", key] = self._data.get(key, ABSENT)
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._reads.is_particular = True
        self._data[key] = value

    def __delitem__(self, key: str) -> None:
        self._reads.is_particular = True
        del self._data[key]

    def __iter__(self) -> Iterator[str]:
        self._reads.is_particular = True
        return iter(self._data)

    def __len__(self) -> int:
        self._reads.is_particular = True
        return len(self._data)


class WatchedOptions(ConnectionOptions):
    """The parameters of a connection; every value that is read is noted."""

    __slots__ = ("_found", "_kind", "_reads")

    def __init__(self, kind: str, found: ConnectionOptions, reads: HostReads) -> None:
        self._kind, self._found, self._reads = kind, found, reads

    def __getattribute__(self, name: str) -> Any:
        if name in VALUES:
            self._reads.values["connection", self._kind, name] = getattr(self._found, name)
        elif name in OPTIONS:
            self._reads.is_particular = True
        return getattr(self._found, name) if name in OPTIONS else object.__getattribute__(self, name)


class WatchedHost(Host):
    """A stand-in for a host that behaves like it and notes what is read."""

    __slots__ = ("_host", "_reads")
    _host: Host
    _reads: HostReads

    def __init__(self, host: Host, reads: HostReads) -> None:
        object.__setattr__(self, "_host", host)
        object.__setattr__(self, "_reads", reads)

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__
        if name not in NOTED:
            return own(self, name)
        host, reads = own(self, "_host"), own(self, "_reads")
        if name == "data":
            return reads.give(WatchedData(host.data, reads))
        if name in VALUES:
            reads.values[name,] = getattr(host, name)
        elif name not in COMMON:
            reads.is_particular = True
        return getattr(host, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._reads.is_particular = True
        setattr(self._host, name, value)

    def get_connection_parameters(self, connection: str | None = None) -> ConnectionOptions:
        """Return the parameters of a connection."""
        found = self._host.get_connection_parameters(connection)
        if connection:
            return self._reads.give(WatchedOptions(connection, found, self._reads))
        self._reads.is_particular = True
        return found


WatchedHost.__name__ = Host.__name__  # which an AttributeError of a site's own function tells its author


class Alike(Generic[Found]):
    """One function of a host, and what it returned for each kind of hosts."""

    def __init__(self, function: Callable[[Host], Found]) -> None:
        self._function = function
        # By groups, then by the values that were read there, then by these values.
        self._known: dict[tuple[int, ...], dict[tuple[Read, ...], dict[tuple[object, ...], Found]]] = {}
        self._particular: set[tuple[int, ...]] = set()
        self._kept: list[object] = []  # so that no other object has the id of one that was read

    def of(self, host: Host) -> Found:
        """Return what the function returns for ``host``; what it raises is raised, and not remembered."""
        groups = tuple(map(id, host.groups))
        if groups in self._particular:
            return self._function(host)
        known = self._known.setdefault(groups, {})
        for reads, found in list(known.items()):  # another thread may add one
            values = tuple(_identity(value_of(host, read)) for read in reads)
            if values in found:
                return found[values]
        return self._watched(host, groups, known)

    def _watched(
        self, host: Host, groups: tuple[int, ...], known: dict[tuple[Read, ...], dict[tuple[object, ...], Found]]
    ) -> Found:
        reads = HostReads()
        result = self._function(reads.give(WatchedHost(host, reads)))
        if reads.is_particular or reads.are_kept() or sum(map(len, known.values())) > VARIETY:
            self._particular.add(groups)
            return result
        self._kept += [*reads.values.values(), *host.groups]
        values = tuple(map(_identity, reads.values.values()))
        known.setdefault(tuple(reads.values), {})[values] = result
        return result


def _identity(value: object) -> object:
    """Return what stands for a value: itself if it is plain, else its content or its identity."""
    if value is None or isinstance(value, str | int):
        return value
    content = content_of(value) if isinstance(value, dict | list) else None  # a host's own copy of inherited facts
    return (id(value),) if content is None else content
