"""What ``moor diagnose`` needs of its runbook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.context import DiagnosisScope
from moor.run.protocols.needed import lacking
from moor.run.runbook import Runbook


class MessageExplanation(Protocol):
    """The explanation of a message; ``rule`` is empty if no rule recognises it."""

    @property
    def rule(self) -> str:
        """Return the name of the rule that recognises the message."""

    @property
    def layer(self) -> str:
        """Return the layer of a pull that fails."""

    @property
    def cause(self) -> str:
        """Return the cause."""

    @property
    def mend(self) -> str:
        """Return the remedy."""

    @property
    def source(self) -> str:
        """Return the source that documents the message."""


@runtime_checkable
class Diagnosis(Protocol):
    """What ``moor diagnose`` needs of its runbook beside the stages."""

    def look_at(self, nr: Nornir, fleet: Iterable[Host], scope: DiagnosisScope) -> None:
        """Set what the stages examine; raise InputError if the fleet has no such workload."""

    def explained(self, message: str, hosts: Iterable[Host]) -> Sequence[MessageExplanation]:
        """Explain a message and any other message that it quotes.

        Args:
            message: of kubelet or a runtime.
            hosts: those of the inventory, from which the registry's name is known; may be empty.

        Returns:
            At least one explanation.
        """


def diagnosis_of(runbook: Runbook) -> Diagnosis:
    """Return the runbook's Diagnosis; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Diagnosis):
        return runbook.command
    raise lacking(runbook, "Diagnosis")
