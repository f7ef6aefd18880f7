"""The explanation of messages of kubelet, containerd, CRI-O, podman and Docker; pure."""

from __future__ import annotations

from collections.abc import Sequence

from moor.tasks.diagnosis.messages.fields import FleetRegistry, MessageFields, parse_message
from moor.tasks.diagnosis.messages.known_message import Explanation, KnownMessage, fill_in, is_foreign
from moor.tasks.diagnosis.messages.pods import PODS, SANDBOX, WRAPPERS
from moor.tasks.diagnosis.messages.registry import ANSWERS, POLICIES
from moor.tasks.diagnosis.messages.route import ROUTE
from moor.tasks.diagnosis.messages.runtime import RUNTIME
from moor.tasks.diagnosis.messages.tls import CERTIFICATES
from moor.tasks.diagnosis.rules.rule import changes_registry, makes_robots

# The first match explains a message, so the specific come before the general.
KNOWN_MESSAGES = (*POLICIES, *RUNTIME, *SANDBOX, *PODS, *ROUTE, *CERTIFICATES, *ANSWERS, *WRAPPERS)

ASK = "ask the team that runs {name}, since this is for them to mend"
WRAPPER_IDS = frozenset(entry.id for entry in WRAPPERS)


def explain(message: str, ours: FleetRegistry | None = None, node: str = "") -> list[Explanation]:
    """Explain a message.

    Args:
        message: as kubelet or a runtime wrote it
        ours: the registry of the inventory; messages about other registries get other remedies
        node: the host to name in remedies

    Returns:
        Two explanations if the message quotes another; none if it is not known.
    """
    fields, registry = parse_message(message), ours or FleetRegistry()
    known = [entry for entry in KNOWN_MESSAGES if entry.knows(fields, registry)]
    quoted = [entry for entry in known if entry.wraps][:1]
    telling = [entry for entry in known if not entry.wraps][:1]
    if quoted and telling and telling[0] in WRAPPERS:
        telling = []
    return [_explanation(entry, fields, registry, node) for entry in (*quoted, *telling)]


def explain_unknown(message: str, ours: FleetRegistry | None = None) -> Explanation:
    """Return what an unknown message names: host, address, image, HTTP status, nameserver."""
    fields, registry = parse_message(message), ours or FleetRegistry()
    parts = {
        "host": fields.host and f"{fields.host}{_whose(fields, registry)}",
        "address": fields.address,
        "image": fields.image,
        "HTTP status": fields.status,
        "nameserver": fields.server,
    }
    named = ", ".join(f"{name} {value}" for name, value in parts.items() if value)
    cause = f"this message is not known; it names {named}" if named else "this message is not known, and names nothing"
    return Explanation("", "", cause, "moor diagnose, without a message, examines the nodes themselves", "")


def _explanation(entry: KnownMessage, fields: MessageFields, ours: FleetRegistry, node: str) -> Explanation:
    other = is_foreign(fields, ours)
    mend = entry.elsewhere if other and entry.elsewhere else entry.mend
    if (changes_registry(mend) and not ours.own) or (makes_robots(mend) and not ours.makes_robots):
        mend = ASK
    cause = fill_in(entry.cause, fields, ours, node) + (_whose(fields, ours) if other else "")
    return Explanation(entry.id, entry.layer, cause, fill_in(mend, fields, ours, node), entry.by)


def _whose(fields: MessageFields, ours: FleetRegistry) -> str:
    if not is_foreign(fields, ours):
        return ""
    what = "is not" if fields.host else "is no address of"
    return f" ({fields.host or fields.address} {what} the registry of this inventory, {ours.host_port})"


def by_layer(entries: Sequence[KnownMessage] = KNOWN_MESSAGES) -> dict[str, list[KnownMessage]]:
    """Return the known messages by layer, in their order."""
    found: dict[str, list[KnownMessage]] = {}
    for entry in entries:
        found.setdefault(entry.layer, []).append(entry)
    return found
