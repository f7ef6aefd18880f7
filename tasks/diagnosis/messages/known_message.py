"""A message that is known by its words, and what is said of it; nothing here asks anybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from moor.tasks.diagnosis.messages.fields import FleetRegistry, MessageFields, split_host

# What stands for a thing that a message does not name.
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
    "bring": "push the image anew from where it was built",
    "owner": "correct the image where it was set: the template of whatever made the pod",
}
NAME_CONSTRAINT = re.compile(
    r"\"([^\"]+)\" is (?:not permitted|excluded) by"
)  # one of the certificate's names, not always the one asked
LOOPBACK = re.compile(r"127\.|::1$")
# By whose words a message is, which concern of moor's configures who said it.
PROGRAMS = (
    (r"response from daemon", "docker"),
    (r"^(Trying to pull|Error: (initializing|copying|writing|pinging))", "podman"),
)


@dataclass(frozen=True)
class KnownMessage:
    """A known message.

    Attributes:
        layer: of the pull that fails
        patterns: regular expressions, any of which knows it
        cause: one sentence; ``{field}`` is filled in from what the message names
        mend: what helps where it is about the registry of the inventory; ``moor apply`` only where it changes that
        elsewhere: what helps where it is about another host; empty where that is the same
        by: whose words they are, or what says why
        when: what else has to hold of the message
        wraps: it quotes another message, which says more and is explained beside it
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

    def knows(self, heard: MessageFields, ours: FleetRegistry) -> bool:
        """Return whether a message is this one."""
        found = any(re.search(pattern, heard.words, re.IGNORECASE) for pattern in self.patterns)
        return found and (self.when is None or self.when(heard, ours))


@dataclass(frozen=True)
class Explanation:
    """What a message means. ``rule`` is empty where nothing is known beyond what it names."""

    rule: str
    layer: str
    cause: str
    mend: str
    source: str


def is_foreign(heard: MessageFields, ours: FleetRegistry) -> bool:
    """Return whether a message is about another host than the inventory's registry."""
    if not ours.host_port:
        return False
    if heard.host:
        return not ours.holds(heard.host)
    return bool(heard.address) and not LOOPBACK.match(heard.address) and heard.address not in ours.addresses


def fill_in(text: str, heard: MessageFields, ours: FleetRegistry, node: str = "") -> str:
    """Fill in what a message names; what it does not name is told in general words."""
    fields = {**UNNAMED, **{key: value for key, value in _fields(heard, ours, node).items() if value}}
    return re.sub(r"\{(\w+)\}", lambda found: fields[found[1]], text)


def _fields(heard: MessageFields, ours: FleetRegistry, node: str) -> dict[str, str]:
    own = split_host(ours.host_port)[0]
    name = own if not is_foreign(heard, ours) and own else split_host(heard.host)[0] or heard.address
    fields = {"host": node, "name": name, "address": heard.address, "image": heard.image, "status": heard.status}
    fields |= {"server": heard.server, "runtime": next((c for w, c in PROGRAMS if re.search(w, heard.words)), "")}
    subject = NAME_CONSTRAINT.search(heard.words)
    fields["subject"] = subject[1] if subject else ""
    if not ours.holds(heard.registry):
        return fields
    path = heard.image.partition("/")[2]
    brings, workload = path in ours.images, ours.workloads.get(path, "")
    fields["project"] = path.partition("/")[0]
    fields["bring"] = "moor apply images" if brings else ""
    fields["owner"] = f"correct data.workloads.{workload}.image; then moor apply workload" if workload else ""
    return fields
