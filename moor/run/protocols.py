"""What two commands need of a runbook beside its stages; a runbook brings it as ``RUNBOOK.command``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.context import DiagnosisScope
from moor.errors import InputError
from moor.run.runbook import Runbook


class Explanation(Protocol):
    """What a message means; ``rule`` is empty where nothing is known beyond what it names."""

    @property
    def rule(self) -> str:
        """Return the rule that knows the message."""

    @property
    def layer(self) -> str:
        """Return the layer of a pull that fails."""

    @property
    def cause(self) -> str:
        """Return why it fails."""

    @property
    def mend(self) -> str:
        """Return what to do."""

    @property
    def source(self) -> str:
        """Return where the message is known from."""


@runtime_checkable
class Diagnosis(Protocol):
    """What ``moor diagnose`` needs."""

    def look_at(self, nr: Nornir, fleet: Iterable[Host], scope: DiagnosisScope) -> None:
        """Have the stages examine what ``scope`` says; raises InputError where the fleet has no such workload."""

    def explained(self, message: str, hosts: Iterable[Host]) -> Sequence[Explanation]:
        """Explain a message, and another that it quotes.

        Args:
            message: of kubelet, or of what pulls.
            hosts: those of the inventory, by which its own registry is known; there may be none.

        Returns:
            At least one; it has no rule where the message is not known.
        """


@runtime_checkable
class Rotation(Protocol):
    """What ``moor cert renew`` needs."""

    def replace(self, nr: Nornir, host: Host, authority: bool) -> None:
        """Have the stages replace the registry's certificate, its CA too where asked.

        Args:
            nr: the open site.
            host: the registry's host.
            authority: the CA as well.

        Raises:
            InputError: there is nothing that moor has made.
        """


def diagnosis_of(runbook: Runbook) -> Diagnosis:
    """Return what ``moor diagnose`` needs; raises InputError where a site's own runbook does not bring it."""
    if isinstance(runbook.command, Diagnosis):
        return runbook.command
    raise _lacking(runbook, "Diagnosis")


def rotation_of(runbook: Runbook) -> Rotation:
    """Return what ``moor cert renew`` needs; raises InputError where a site's own runbook does not bring it."""
    if isinstance(runbook.command, Rotation):
        return runbook.command
    raise _lacking(runbook, "Rotation")


def _lacking(runbook: Runbook, wanted: str) -> InputError:
    return InputError(
        f"runbooks/{runbook.name}.py: RUNBOOK.command is no {wanted} of moor.run.protocols; "
        "give it that of the shipped runbook"
    )
