"""What the commands that write an inventory need of their runbooks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from nornir.core import Nornir

from moor.run.protocols.needed import lacking
from moor.run.runbook import Runbook


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


def export_of(runbook: Runbook) -> Export:
    """Return the runbook's Export; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Export):
        return runbook.command
    raise lacking(runbook, "Export")


def survey_of(runbook: Runbook) -> Survey:
    """Return the runbook's Survey; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Survey):
        return runbook.command
    raise lacking(runbook, "Survey")
