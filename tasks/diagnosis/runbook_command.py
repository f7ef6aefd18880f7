"""What ``moor diagnose`` needs of the runbook ``diagnose`` beside its stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.context import Looking, change_context
from moor.run.protocols import Focus
from moor.tasks.diagnosis.inventory_registry import ours_of
from moor.tasks.diagnosis.messages.explain import explained, unknown
from moor.tasks.diagnosis.messages.message import Explanation
from moor.tasks.diagnosis.target_check import refuse_unknown


class Diagnosing:
    """A ``moor.run.protocols.Diagnosis``."""

    def look_at(self, nr: Nornir, fleet: Iterable[Host], focus: Focus) -> None:
        """Have the stages look at this; raises InputError where the fleet has no such."""
        if focus.deployment:
            refuse_unknown(fleet, focus.namespaces, focus.deployment)
        looking = Looking(focus.pull, focus.namespaces, focus.deployment, own_login=True)
        change_context(nr, looking=looking)

    def explained(self, message: str, hosts: Iterable[Host]) -> Sequence[Explanation]:
        """Explain a message by the rules, or say what could be understood of it."""
        ours = ours_of(hosts)
        return explained(message, ours) or [unknown(message, ours)]
