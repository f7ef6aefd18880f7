"""The protocols of what commands need of a runbook beside its stages, as ``RUNBOOK.command``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True)
class BackupRow:
    """One backup in a list.

    Attributes:
        state: ``whole``, ``incomplete`` or ``damaged``
        bytes: of its own files; ``blob_bytes`` are of all its blobs, ``new_bytes`` of those that no earlier one had
    """

    name: str
    state: str
    started: str = ""
    took_s: float = 0
    host: str = ""
    release: str = ""
    counts: Mapping[str, int] | None = None
    blobs: int = 0
    blob_bytes: int = 0
    new_bytes: int = 0
    bytes: int = 0
    notes: Sequence[str] = ()


@runtime_checkable
class Backups(Protocol):
    """What ``moor backup`` and ``moor restore`` need of their runbooks beside the stages."""

    def rows(self, host: Host) -> Sequence[BackupRow]:
        """List the backups, the oldest first; only the controller is read."""

    def directory(self, host: Host) -> Path:
        """Return where the backups are."""

    def prepare(self, nr: Nornir, host: Host, name: str, over: bool) -> None:
        """Have the stages work on a backup.

        Args:
            nr: the open site.
            host: the registry's host.
            name: of the backup, or its start; empty for the newest, or for a new one.
            over: what the registry holds now may be lost.

        Raises:
            InputError: everything that can be seen to be wrong from here.
        """


def backups_of(runbook: Runbook) -> Backups:
    """Return the runbook's Backups; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Backups):
        return runbook.command
    raise _lacking(runbook, "Backups")


@runtime_checkable
class Failover(Protocol):
    """What ``moor failover`` needs of its runbook beside the stages."""

    def trouble_of(self, host: Host) -> str:
        """Return why the registry on a host does not answer; empty if it does."""

    def end(self, host: Host) -> None:
        """Note that the failover to a host has ended, so that no next run goes on with it."""


def failover_of(runbook: Runbook) -> Failover:
    """Return the runbook's Failover; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Failover):
        return runbook.command
    raise _lacking(runbook, "Failover")


@dataclass(frozen=True)
class BundleRow:
    """One kind of parts of a bundle.

    Attributes:
        parts: how many files, of ``bytes`` together.
        elsewhere: how many more are in the bundle that this one was made since.
        names: what they are.
    """

    kind: str
    parts: int
    bytes: int
    elsewhere: int
    names: Sequence[str]


@dataclass(frozen=True)
class BundleView:
    """A bundle as its commands show it.

    Attributes:
        lacking: a line for each thing that hosts would miss.
        since: the id of the bundle that it was made since; empty for a whole one.
        document: its manifest, as JSON.
    """

    path: Path
    rows: Sequence[BundleRow]
    lacking: Sequence[str]
    created: str
    moor: str
    since: str
    document: str


@runtime_checkable
class Bundles(Protocol):
    """What ``moor bundle`` needs of its runbook."""

    def create(self, nr: Nornir, target: Path | None, since: Path | None, without: Sequence[str]) -> BundleView:
        """Make a bundle, or go on with one that was cut short.

        Args:
            nr: the open site.
            target: a file or a directory; by default the one of the inventory.
            since: an older bundle, whose parts are left out.
            without: kinds of parts that are left out.

        Raises:
            MoorError: something cannot be had; what was collected stays.
        """

    def check(self, nr: Nornir, files: Sequence[Path]) -> BundleView:
        """Verify every byte of a bundle, and compare it with what the inventory needs; raise InputError if altered."""

    def show(self, nr: Nornir, file: Path | None) -> BundleView:
        """Read the manifest of a bundle, and its signature if the inventory has a key; parts are not read."""


def bundles_of(runbook: Runbook) -> Bundles:
    """Return the runbook's Bundles; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Bundles):
        return runbook.command
    raise _lacking(runbook, "Bundles")


class Inventory(Protocol):
    """An inventory that says what a registry holds."""

    @property
    def data(self) -> Mapping[str, Mapping[str, object]]:
        """Return the sections, as they stand below ``data``."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """Return the references that are to be filled in, and with what."""

    @property
    def left_out(self) -> Sequence[str]:
        """Return what the registry holds and the inventory cannot say."""

    def text(self) -> str:
        """Return it as YAML."""

    def json(self) -> str:
        """Return it as JSON, with the notes."""

    @property
    def words(self) -> Sequence[str]:
        """Return a line for each thing that a person has to know of it."""


@runtime_checkable
class Export(Protocol):
    """What ``moor harbor export`` needs of its runbook beside the stages."""

    def exported(self, nr: Nornir) -> Inventory:
        """Return what the registry holds; raise MoorError if it cannot be read."""


@dataclass(frozen=True)
class SurveyRequest:
    """What a user says to ``moor import`` beside the hosts.

    Attributes:
        fold: writes names of hosts, folded where they are many
        registry: NAME or NAME:PORT; empty for the one of most hosts
        address: of the registry; empty for what hosts say
        account: user and reference to the password of an account of Harbor
        kubeconfig: of the cluster, as the inventory shall name it
    """

    fold: Callable[[Collection[str]], str]
    registry: str = ""
    address: str = ""
    account: tuple[str, str] | None = None
    kubeconfig: str = ""


@dataclass(frozen=True)
class ProposedInventory:
    """An inventory that says what a running fleet is.

    Attributes:
        files: content by path in a site
        questions: what only a person can decide
        secrets: the references that are to be filled in, and with what
        unread: hosts that could not be read, and why
    """

    files: Mapping[str, str]
    questions: Sequence[str]
    secrets: Mapping[str, str]
    unread: Mapping[str, str]


@runtime_checkable
class Survey(Protocol):
    """What ``moor import`` needs of its runbook beside the stages."""

    def proposed(self, nr: Nornir, request: SurveyRequest) -> ProposedInventory:
        """Return the inventory that says what the hosts are; raise MoorError if that is not clear."""

    def extended(
        self,
        proposed: ProposedInventory,
        defaults: str,
        sections: Mapping[str, Mapping[str, object]],
        source: str,
        request: SurveyRequest,
    ) -> ProposedInventory:
        """Return the inventory with sections that the registry says of itself, in the file ``defaults``."""


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


def robot_rotation_of(runbook: Runbook) -> RobotRotation:
    """Return the runbook's RobotRotation; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, RobotRotation):
        return runbook.command
    raise _lacking(runbook, "RobotRotation")


def export_of(runbook: Runbook) -> Export:
    """Return the runbook's Export; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Export):
        return runbook.command
    raise _lacking(runbook, "Export")


def survey_of(runbook: Runbook) -> Survey:
    """Return the runbook's Survey; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Survey):
        return runbook.command
    raise _lacking(runbook, "Survey")


def _lacking(runbook: Runbook, wanted: str) -> InputError:
    return InputError(
        f"runbooks/{runbook.name}.py: RUNBOOK.command is no {wanted} of moor.run.protocols; "
        "give it that of the shipped runbook"
    )
