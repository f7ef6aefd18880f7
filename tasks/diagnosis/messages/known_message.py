"""A known message: how it is recognised, its cause and its remedy; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from moor.tasks.diagnosis.messages.fields import FleetRegistry, MessageFields, split_host

# What a cause or remedy says in place of a value that the message does not name.
UNNAMED: Mapping[str, str] = {
    "host": "NODE",
    "name": "REGISTRY",
    "image": "the image",
    "address": "its address",
    "subject": "this name",
    "server": "the nameserver",
    "status": "an error",
    "runtime": "containerd",
    "project": "PROJECT",
    "bring": "push the image again from where it was built",
    "owner": "correct the image in the template of the pod's owner",
}
NAME_CONSTRAINT = re.compile(
    r"\"([^\"]+)\" is (?:not permitted|excluded) by"
)  # any name of the certificate, not always the requested one
LOOPBACK = re.compile(r"127\.|::1$")
# The program that wrote a message, and the concern that configures it.
PROGRAMS = (
    (r"response from daemon", "docker"),
    (r"^(Trying to pull|Error: (initializing|copying|writing|pinging))", "podman"),
)


@dataclass(frozen=True)
class KnownMessage:
    """A message that moor recognises.

    Attributes:
        layer: the layer of the pull that fails
        patterns: regular expressions, any of which matches it
        cause: one sentence; ``{field}`` is filled in with what the message names
        mend: the remedy if it is about the inventory's registry; ``moor apply`` only if that helps
        elsewhere: the remedy if it is about another host; empty if it is the same
        by: the program whose message it is, or a source for its meaning
        when: a further condition on the message
        wraps: it quotes another message, which is explained beside it
    """

    id: str
    layer: str
    patterns: tuple[str, ...]
    cause: str
    mend: str
    elsewhere: str = ""
    by: str = ""
    when: Callable[[MessageFields, FleetRegistry], bool] | None = None
    wraps: bool = False

    def knows(self, message: MessageFields, ours: FleetRegistry) -> bool:
        """Return whether a message is this one."""
        found = any(re.search(pattern, message.words, re.IGNORECASE) for pattern in self.patterns)
        return found and (self.when is None or self.when(message, ours))


@dataclass(frozen=True)
class Explanation:
    """The cause and remedy of a message; ``rule`` is empty if the message is not known."""

    rule: str
    layer: str
    cause: str
    mend: str
    source: str


def is_foreign(message: MessageFields, ours: FleetRegistry) -> bool:
    """Return whether a message is about another host than the inventory's registry."""
    if not ours.host_port:
        return False
    if message.host:
        return not ours.holds(message.host)
    return bool(message.address) and not LOOPBACK.match(message.address) and message.address not in ours.addresses


def fill_in(text: str, message: MessageFields, ours: FleetRegistry, node: str = "") -> str:
    """Fill in what a message names, and general words for what it does not name."""
    fields = {**UNNAMED, **{key: value for key, value in _fields(message, ours, node).items() if value}}
    return re.sub(r"\{(\w+)\}", lambda found: fields[found[1]], text)


def _fields(message: MessageFields, ours: FleetRegistry, node: str) -> dict[str, str]:
    own = split_host(ours.host_port)[0]
    name = own if not is_foreign(message, ours) and own else split_host(message.host)[0] or message.address
    fields = {"host": node, "name": name, "address": message.address, "image": message.image, "status": message.status}
    fields |= {"server": message.server, "runtime": next((c for w, c in PROGRAMS if re.search(w, message.words)), "")}
    subject = NAME_CONSTRAINT.search(message.words)
    fields["subject"] = subject[1] if subject else ""
    if not ours.holds(message.registry):
        return fields
    path = message.image.partition("/")[2]
    brings, workload = path in ours.images, ours.workloads.get(path, "")
    fields["project"] = path.partition("/")[0]
    fields["bring"] = "moor apply images" if brings else ""
    fields["owner"] = f"correct data.workloads.{workload}.image; then moor apply workload" if workload else ""
    return fields
