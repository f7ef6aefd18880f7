"""The error for a runbook without what its command needs."""

from __future__ import annotations

from moor.errors import InputError
from moor.run.runbook import Runbook


def lacking(runbook: Runbook, wanted: str) -> InputError:
    """Return the error that names the runbook and the protocol of this package that it wants."""
    return InputError(
        f"runbooks/{runbook.name}.py: RUNBOOK.command is no {wanted} of moor.run.protocols; "
        "give it that of the shipped runbook"
    )
