"""What the inventory says of pull secrets: which robot's login goes into which namespaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from moor.errors import FieldErrors
from moor.settings import Section
from moor.settings.section import StrictModel

NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
LABEL = r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)"
SecretName = Annotated[str, Field(pattern=rf"^{NAME}$")]
AccountName = Annotated[str, Field(pattern=rf"^{NAME}$")]
EntryName = Annotated[str, Field(pattern=rf"^{LABEL}$")]  # it is the value of a label
NamespacePattern = Annotated[str, Field(pattern=r"^[a-z0-9*?]([a-z0-9*?-]{0,61}[a-z0-9*?])?$")]
LabelKey = Annotated[str, Field(pattern=rf"^([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{LABEL}$")]
LabelValue = Annotated[str, Field(pattern=rf"^{LABEL}?$")]
RobotName = Annotated[str, Field(pattern=r"^([a-z0-9]+(?:[._-][a-z0-9]+)*\+)?[A-Za-z0-9][A-Za-z0-9._-]*$")]


def _listed(found: object) -> object:
    return [found] if isinstance(found, str) else found


Values = Annotated[tuple[LabelValue, ...], BeforeValidator(_listed)]


class Placement(StrictModel):
    """A pull secret, and the namespaces that have it.

    Attributes:
        robot: ``PROJECT+ROBOT``, a robot of ``harbor_system``, or one of ``logins``
        namespaces: list of names; ``*`` matches any letters, ``?`` one
        namespace_selector: labels of namespaces, all of which match; a value may be a list, of which one matches
        exclude: list of names of namespaces that have it by neither
        service_accounts: list of ServiceAccounts there whose pods pull with it
        name: of the secret; by default the entry's
        prune: ``true`` removes it from namespaces that no longer match
    """

    robot: RobotName
    namespaces: tuple[NamespacePattern, ...] = ()
    namespace_selector: dict[LabelKey, Values] = Field(default_factory=dict)
    exclude: tuple[NamespacePattern, ...] = ()
    service_accounts: tuple[AccountName, ...] = ()
    name: SecretName | None = None
    prune: bool = False

    @property
    def project(self) -> str:
        return self.robot.rpartition("+")[0]

    @property
    def robot_name(self) -> str:
        return self.robot.rpartition("+")[2]

    @property
    def named(self) -> tuple[str, ...]:
        """Return the namespaces that are named in full."""
        return tuple(one for one in self.namespaces if not set("*?") & set(one) and not _any(self.exclude, one))

    def takes_in(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Return whether a namespace has the secret."""
        if _any(self.exclude, namespace):
            return False
        return _any(self.namespaces, namespace) or (
            bool(self.namespace_selector)
            and all(labels.get(key) in values for key, values in self.namespace_selector.items())
        )


def _any(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class PullSecrets(Section):
    """Pull secrets by a name of your own, in namespaces of others too: docs/pull-secrets.md."""

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "pull_secrets"
    done_on: ClassVar[tuple[str, ...]] = ("control_plane", "clusters")
    __pydantic_extra__: dict[EntryName, Placement]

    @property
    def by_name(self) -> dict[str, Placement]:
        return dict(self.__pydantic_extra__)

    def secret_of(self, entry: str) -> str:
        """Return the name of an entry's secret."""
        return self.by_name[entry].name or entry.lower()

    def names_in(self, namespace: str) -> frozenset[str]:
        """Return the names of the secrets that a namespace may have by it; its labels are the cluster's."""
        return frozenset(
            self.secret_of(entry)
            for entry, one in self.by_name.items()
            if (one.namespace_selector and not _any(one.exclude, namespace)) or one.takes_in(namespace, {})
        )

    @model_validator(mode="after")
    def _consistent(self) -> PullSecrets:
        if wrong := list(self._wrong()):
            raise FieldErrors(wrong)
        return self

    def _wrong(self) -> Iterator[tuple[tuple[str, ...], str]]:
        taken: dict[tuple[str, str], str] = {}
        for entry, placement in self.by_name.items():
            if not (placement.namespaces or placement.namespace_selector or placement.prune):
                yield (entry,), "it is for no namespace; write namespaces or namespace_selector"
            for namespace in placement.named:
                other = taken.setdefault((namespace, self.secret_of(entry)), entry)
                if other != entry:
                    words = f"{other} places a secret {self.secret_of(entry)} in {namespace} too"
                    yield (entry, "namespaces"), f"{words}; write another name: for one of them"
