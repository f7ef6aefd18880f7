"""A message of kubelet, containerd, CRI-O, podman or Docker, explained without asking anybody; pure."""

from __future__ import annotations

from collections.abc import Sequence

from moor.tasks.diagnosis.messages.fields import MessageFields, Ours, understood
from moor.tasks.diagnosis.messages.message import Explanation, Saying, filled, foreign
from moor.tasks.diagnosis.messages.pods import PODS, SANDBOX, SHELLS
from moor.tasks.diagnosis.messages.registry import ANSWERS, POLICIES
from moor.tasks.diagnosis.messages.route import WAY
from moor.tasks.diagnosis.messages.runtime import RUNTIME
from moor.tasks.diagnosis.messages.tls import CERTIFICATES

# The first that knows a message explains it: what says more comes before what says less.
SAYINGS = (*POLICIES, *RUNTIME, *SANDBOX, *PODS, *WAY, *CERTIFICATES, *ANSWERS, *SHELLS)

EMPTY = frozenset(saying.id for saying in SHELLS)


def explained(message: str, ours: Ours | None = None, node: str = "") -> list[Explanation]:
    """Explain a message; more than one where it quotes another. Empty where nothing is known of it."""
    heard, registry = understood(message), ours or Ours()
    known = [saying for saying in SAYINGS if saying.knows(heard, registry)]
    quoted = [saying for saying in known if saying.wraps][:1]
    telling = [saying for saying in known if not saying.wraps][:1]
    if quoted and telling and telling[0] in SHELLS:
        telling = []
    return [_said(saying, heard, registry, node) for saying in (*quoted, *telling)]


def unknown(message: str, ours: Ours | None = None) -> Explanation:
    """Say of a message that is not known what could be understood of it."""
    heard, registry = understood(message), ours or Ours()
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


def _said(saying: Saying, heard: MessageFields, ours: Ours, node: str) -> Explanation:
    other = foreign(heard, ours)
    mend = saying.elsewhere if other and saying.elsewhere else saying.mend
    cause = filled(saying.cause, heard, ours, node) + (_whose(heard, ours) if other else "")
    return Explanation(saying.id, saying.layer, cause, filled(mend, heard, ours, node), saying.by)


def _whose(heard: MessageFields, ours: Ours) -> str:
    if not foreign(heard, ours):
        return ""
    what = "is not" if heard.host else "is no address of"
    return f" ({heard.host or heard.address} {what} the registry of this inventory, {ours.host_port})"


def layers(sayings: Sequence[Saying] = SAYINGS) -> dict[str, list[Saying]]:
    """Group the known messages by layer, in the order of the table."""
    found: dict[str, list[Saying]] = {}
    for saying in sayings:
        found.setdefault(saying.layer, []).append(saying)
    return found
