"""What the command ``moor diagnose`` needs from its runbook: the scope of the stages, and explained messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.context import DiagnosisScope, change_context
from moor.tasks.diagnosis.fleet_registry import fleet_registry_of
from moor.tasks.diagnosis.messages.explain import explain, explain_unknown
from moor.tasks.diagnosis.messages.known_message import Explanation
from moor.tasks.diagnosis.workload_name import check_workload_name


class NodeDiagnosis:
    """The implementation of ``moor.run.protocols.diagnosing.Diagnosis``."""

    def look_at(self, nr: Nornir, fleet: Iterable[Host], scope: DiagnosisScope) -> None:
        """Have the stages examine what ``scope`` says; raises InputError where the fleet has no such workload."""
        if scope.deployment:
            check_workload_name(fleet, scope.namespaces, scope.deployment)
        change_context(nr, diagnosis=scope)

    def explained(self, message: str, hosts: Iterable[Host]) -> Sequence[Explanation]:
        """Explain a message by the known messages, or return what it names if none matches."""
        ours = fleet_registry_of(hosts)
        return explain(message, ours) or [explain_unknown(message, ours)]
