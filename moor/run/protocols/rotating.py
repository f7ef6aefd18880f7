"""What the commands that renew certificates and logins need of their runbooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.run.protocols.needed import lacking
from moor.run.runbook import Runbook


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


@runtime_checkable
class RobotRotation(Protocol):
    """What ``moor rotate robot`` needs of its runbook beside the stages."""

    def request(self, nr: Nornir, host: Host, names: Sequence[str]) -> None:
        """Have the stages rotate robots.

        Args:
            nr: the open site.
            host: the registry's host.
            names: PROJECT+ROBOT; none for those that are begun or too old.

        Raises:
            InputError: moor cannot rotate one of them.
        """

    def known_to_nodes(self, host: Host) -> Mapping[str, int]:
        """Return the robots whose logins reach nodes by pull secrets, with the generation of each login.

        Those that moor cannot rotate are left out.
        """

    def valid_still(self, host: Host) -> Sequence[str]:
        """Return a sentence for each former login that is valid still."""


def rotation_of(runbook: Runbook) -> Rotation:
    """Return the runbook's Rotation; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Rotation):
        return runbook.command
    raise lacking(runbook, "Rotation")


def robot_rotation_of(runbook: Runbook) -> RobotRotation:
    """Return the runbook's RobotRotation; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, RobotRotation):
        return runbook.command
    raise lacking(runbook, "RobotRotation")
