"""What a message of kubelet or a runtime names: host, address, image, HTTP status, nameserver; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

T = TypeVar("T")

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Each program that passes on an error may quote it once more: \" becomes \\\" and a line break \n.
ESCAPED = ((re.compile(r"\\+[nrt]"), " "), (re.compile(r"\\+([\"'])"), r"\1"))
HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
URL = re.compile(rf"\b(https?)://(?:[^\s/@\"']*@)?({HOST})(?::(\d+))?(?=[/\s\"'?,;:)]|$)", re.IGNORECASE)
# Pages that a message points its reader to: no request went there.
DOCUMENTATION = re.compile(
    r"https?://(?:(?:www|docs)\.docker\.com|go\.dev)[^\s\"')]*|(?<=\bsee )https?://\S+", re.IGNORECASE
)
PROXY_DIALLED = re.compile(r"\bproxyconnect \w+: dial \w+ \S+")  # the proxy's address, not the registry's
LOOKUP = re.compile(rf"\blookup ({HOST})(?: on (\S+?))?(?=:|\s|$)")
DIALLED = re.compile(r"\b(?:dial|read|write) (?:tcp|udp)[46]? (?:\S+->)?(\[[^\]]+\]|[^\s:\[\]]+):(\d+)")
NAMED = re.compile(
    r"(?:\bregistry |\bRegistryUnavailable for |\bpull failed for |\bpulling from host |\bin )"
    rf"({HOST}\.[A-Za-z0-9-]+|{HOST}:\d+|localhost)(?::(\d+))?(?=[/:\s\"]|$)"
)
IMAGE = re.compile(
    rf"(?:[\"'`]|docker://|^|\s)((?:localhost(?::\d+)?|{HOST}:\d+|(?=[^\s/]*\.){HOST})/[a-z0-9][a-z0-9._/-]*[a-z0-9]"
    r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]+)?)(?=[\"'`:,.;)\s]|$)"
)
CODES = frozenset({*map(int, HTTPStatus), *range(520, 531)})  # those above are a provider's
STATUS = (
    re.compile(r"\brequest to \S+: ([1-5]\d\d)\b"),
    re.compile(r"\b([1-5]\d\d) [A-Z]"),
    re.compile(r"\b(?:status(?: ?code)?|StatusCode|HTTP)(?: \[[^\]]*\])?[: =]+\"?([1-5]\d\d)\b", re.IGNORECASE),
)


@dataclass(frozen=True)
class MessageFields:
    """What a message names; other fields are empty.

    Attributes:
        words: the message on one line, as the program that saw the fault wrote it, without added quoting
        host: the host that was asked last, with its port if the message has one
        address: the address that was connected to
        image: the requested image, with its registry
        server: the nameserver that was asked
    """

    words: str
    host: str = ""
    address: str = ""
    image: str = ""
    status: str = ""
    server: str = ""

    @property
    def registry(self) -> str:
        """Return the registry of the image; empty if the image does not name one."""
        first = self.image.partition("/")[0]
        return first if "." in first or ":" in first or first == "localhost" else ""


@dataclass(frozen=True)
class FleetRegistry:
    """The registry of the inventory, which tells its messages from those about other registries.

    Attributes:
        images: those that the inventory pushes, as PROJECT/REPOSITORY:TAG
        workloads: names of workloads by image
        own: whether moor runs it
        makes_robots: whether moor makes its projects and robots
    """

    host_port: str = ""
    names: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    workloads: dict[str, str] = field(default_factory=dict, hash=False)
    own: bool = True
    makes_robots: bool = True

    def holds(self, host: str) -> bool:
        """Return whether a host, with or without a port, is this registry."""
        name, port = split_host(host)
        own = split_host(self.host_port)[1]
        return name in {*self.names, *self.addresses} and (port or "443") == (own or "443")


def split_host(host: str) -> tuple[str, str]:
    """Split a host from its port, and remove the brackets of an IPv6 address."""
    found = re.fullmatch(r"\[([^\]]*)\](?::(\d*))?", host)
    if found:
        return found[1].lower(), found[2] or ""
    name, _, port = host.partition(":") if host.count(":") == 1 else (host, "", "")
    return name.lower(), port


def unquote(message: str) -> str:
    """Return a message on one line, without the quoting that programs added when they passed it on."""
    words = ANSI.sub("", message)
    for pattern, with_ in ESCAPED:
        words = pattern.sub(with_, words)
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def parse_message(message: str) -> MessageFields:
    """Parse what a message names; of several hosts, the last is the one at which the request failed."""
    words = unquote(message)
    asking = DOCUMENTATION.sub(" ", words)
    address, port = _last(DIALLED.findall(PROXY_DIALLED.sub(" ", asking)), ("", ""))
    lookups = LOOKUP.findall(words)
    looked_up, server = _last(lookups, ("", ""))
    urls = URL.findall(asking)
    image = _last(IMAGE.findall(URL.sub(" ", asking)), "")
    named = _last([f"{host}:{number}" if number else host for host, number in NAMED.findall(words)], "")
    asked = _last([_with_port(*url) for url in urls], "")
    place = "" if looked_up and not server and port == "53" else address.strip("[]")
    if server and port == "53":
        place = ""
    host = asked if looked_up and split_host(asked)[0] == looked_up.lower() else looked_up or asked or named
    return MessageFields(words, host or _registry(image), place, image, _status(words), server.rstrip(":"))


def _with_port(scheme: str, host: str, port: str) -> str:
    standard = {"https": "443", "http": "80"}[scheme.lower()]
    return f"{host}:{port}" if port and port != standard else host


def _registry(image: str) -> str:
    return MessageFields("", image=image).registry


def _status(words: str) -> str:
    found = (code for pattern in STATUS for code in pattern.findall(words))
    return next((code for code in found if int(code) in CODES), "")


def _last(found: Iterable[T], otherwise: T) -> T:
    return next(iter(reversed(list(found))), otherwise)
