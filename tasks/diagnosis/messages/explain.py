"""A message of kubelet, containerd, CRI-O, podman or Docker, explained without asking anybody; pure."""

from __future__ import annotations

from collections.abc import Sequence

from moor.tasks.diagnosis.messages.fields import FleetRegistry, MessageFields, parse_message
from moor.tasks.diagnosis.messages.known_message import Explanation, KnownMessage, fill_in, is_foreign
from moor.tasks.diagnosis.messages.pods import PODS, SANDBOX, WRAPPERS
from moor.tasks.diagnosis.messages.registry import ANSWERS, POLICIES
from moor.tasks.diagnosis.messages.route import ROUTE
from moor.tasks.diagnosis.messages.runtime import RUNTIME
from moor.tasks.diagnosis.messages.tls import CERTIFICATES

# The first that knows a message explains it: what says more comes before what says less.
KNOWN_MESSAGES = (*POLICIES, *RUNTIME, *SANDBOX, *PODS, *ROUTE, *CERTIFICATES, *ANSWERS, *WRAPPERS)

WRAPPER_IDS = frozenset(saying.id for saying in WRAPPERS)


def explain(message: str, ours: FleetRegistry | None = None, node: str = "") -> list[Explanation]:
    """Explain a message; more than one where it quotes another. Empty where nothing is known of it."""
    heard, registry = parse_message(message), ours or FleetRegistry()
    known = [saying for saying in KNOWN_MESSAGES if saying.knows(heard, registry)]
    quoted = [saying for saying in known if saying.wraps][:1]
    telling = [saying for saying in known if not saying.wraps][:1]
    if quoted and telling and telling[0] in WRAPPERS:
        telling = []
    return [_said(saying, heard, registry, node) for saying in (*quoted, *telling)]


def explain_unknown(message: str, ours: FleetRegistry | None = None) -> Explanation:
    """Say of a message that is not known what could be understood of it."""
    heard, registry = parse_message(message), ours or FleetRegistry()
    parts = {
        "host": heard.host and f"{heard.host}{_whose(heard, registry)}",
        "address": heard.address,
        "image": heard.image,
        "HTTP status": heard.status,
        "nameserver": heard.server,
    }
    named = ", ".join(f"{name} {value}" for name, value in parts.items() if value)
    cause = f"this message is not known; it names {named}" if named else "this message is not known, and names nothing"
    return Explanation("", "", cause, "moor diagnose, without a message, looks at the nodes themselves", "")


def _said(saying: KnownMessage, heard: MessageFields, ours: FleetRegistry, node: str) -> Explanation:
    other = is_foreign(heard, ours)
    mend = saying.elsewhere if other and saying.elsewhere else saying.mend
    cause = fill_in(saying.cause, heard, ours, node) + (_whose(heard, ours) if other else "")
    return Explanation(saying.id, saying.layer, cause, fill_in(mend, heard, ours, node), saying.by)


def _whose(heard: MessageFields, ours: FleetRegistry) -> str:
    if not is_foreign(heard, ours):
        return ""
    what = "is not" if heard.host else "is no address of"
    return f" ({heard.host or heard.address} {what} the registry of this inventory, {ours.host_port})"


def by_layer(sayings: Sequence[KnownMessage] = KNOWN_MESSAGES) -> dict[str, list[KnownMessage]]:
    """Group the known messages by layer, in the order of the table."""
    found: dict[str, list[KnownMessage]] = {}
    for saying in sayings:
        found.setdefault(saying.layer, []).append(saying)
    return found
