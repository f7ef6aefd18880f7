"""The protocols that ``moor diagnose`` and ``moor cert renew`` expect as ``RUNBOOK.command`` of their runbooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.context import DiagnosisScope
from moor.errors import InputError
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


@runtime_checkable
class Rotation(Protocol):
    """What ``moor cert renew`` needs of its runbook beside the stages."""

    def replace(self, nr: Nornir, host: Host, authority: bool) -> None:
        """Have the stages replace the registry's certificate.

        Args:
            nr: the open site.
            host: the registry's host.
            authority: replace the CA as well.

        Raises:
            InputError: moor has issued no certificate here.
        """


def diagnosis_of(runbook: Runbook) -> Diagnosis:
    """Return the runbook's Diagnosis; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Diagnosis):
        return runbook.command
    raise _lacking(runbook, "Diagnosis")


def rotation_of(runbook: Runbook) -> Rotation:
    """Return the runbook's Rotation; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Rotation):
        return runbook.command
    raise _lacking(runbook, "Rotation")


def _lacking(runbook: Runbook, wanted: str) -> InputError:
    return InputError(
        f"runbooks/{runbook.name}.py: RUNBOOK.command is no {wanted} of moor.run.protocols; "
        "give it that of the shipped runbook"
    )
