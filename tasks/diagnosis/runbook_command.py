"""What ``moor diagnose`` needs of the runbook ``diagnose`` beside its stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.context import DiagnosisScope, change_context
from moor.tasks.diagnosis.inventory_registry import ours_of
from moor.tasks.diagnosis.messages.explain import explained, unknown
from moor.tasks.diagnosis.messages.message import Explanation
from moor.tasks.diagnosis.target_check import refuse_unknown


class Diagnosing:
    """A ``moor.run.protocols.Diagnosis``."""

    def look_at(self, nr: Nornir, fleet: Iterable[Host], scope: DiagnosisScope) -> None:
        """Have the stages examine what ``scope`` says; raises InputError where the fleet has no such workload."""
        if scope.deployment:
            refuse_unknown(fleet, scope.namespaces, scope.deployment)
        change_context(nr, diagnosis=scope)

    def explained(self, message: str, hosts: Iterable[Host]) -> Sequence[Explanation]:
        """Explain a message by the rules, or say what could be understood of it."""
        ours = ours_of(hosts)
        return explained(message, ours) or [unknown(message, ours)]
