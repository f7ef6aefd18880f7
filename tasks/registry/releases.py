"""Which release of Harbor has a setting: marks on the models' fields, and the check against the running release."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nornir.core.inventory import Host
from nornir.core.task import Task
from pydantic import BaseModel

from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.context import runs_registry
from moor.errors import HarborUnreachable, InputError
from moor.resources.base import Remote, State
from moor.settings import optional_settings_of
from moor.tasks.harbor.api import may_be_created
from moor.tasks.harbor.keys import Release, installer_release
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.registry.answers import Single, answers_of


@dataclass(frozen=True)
class Since:
    """Marks a field that Harbor has since a release: ``Annotated[bool | None, Since(2, 11)]``."""

    major: int
    minor: int

    def why_not(self, release: Release) -> str:
        """Return why a release does not have the field; empty if it has."""
        return "" if release >= (self.major, self.minor) else f"Harbor has it since {self.major}.{self.minor}"


@dataclass(frozen=True)
class Until:
    """Marks a field that Harbor no longer has after a release."""

    major: int
    minor: int

    def why_not(self, release: Release) -> str:
        """Return why a release does not have the field; empty if it has."""
        return "" if release <= (self.major, self.minor) else f"Harbor had it until {self.major}.{self.minor}"


Mark = Since | Until


@dataclass(frozen=True)
class MarkedField:
    """A key of the inventory that only some releases have."""

    key: str
    mark: Mark


def marked_fields(value: Any, key: str) -> Iterator[MarkedField]:
    """Yield the fields below ``value`` that the inventory sets and that only some releases have.

    Args:
        value: a model, or a mapping or list of models
        key: its place in the inventory, such as ``data.projects.shop``
    """
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            below = getattr(value, name)
            if name not in value.model_fields_set or below is None:
                continue
            yield from (MarkedField(f"{key}.{name}", mark) for mark in field.metadata if isinstance(mark, Mark))
            yield from marked_fields(below, f"{key}.{name}")
    elif isinstance(value, Mapping):
        for name, below in value.items():
            yield from marked_fields(below, f"{key}.{name}")
    elif isinstance(value, tuple | list):
        for at, below in enumerate(value):
            yield from marked_fields(below, f"{key}.{at}")


def unfit_fields(fields: tuple[MarkedField, ...], release: Release, named: str) -> list[str]:
    """Return an error for each field that a release does not have."""
    reasons = ((field, field.mark.why_not(release)) for field in fields)
    return [f"{field.key}: {why}, and this one is {named}; drop it" for field, why in reasons if why]


def refuse_unfit(host: Host, fields: tuple[MarkedField, ...]) -> None:
    """Check the fields against the release that moor installs; raise InputError with every unfit one."""
    harbor = optional_settings_of(host, HarborSettings) if runs_registry(host) else None
    release = installer_release(harbor.installer.name) if harbor and harbor.installer else None
    if release and (wrong := unfit_fields(fields, release, f"{release[0]}.{release[1]}")):
        raise InputError("\n".join(f"{host.name}: {words}" for words in wrong))


class SystemInfo(HarborObject):
    """What Harbor says about itself, to anybody."""

    harbor_version: str | None = None


SYSTEM_INFO = Single("/systeminfo", Shape(SystemInfo))


def release_in(version: str) -> Release | None:
    """Return major and minor version of a text such as ``v2.8.3-19d69635``; None if it has none."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True)
class FittingRelease(Remote):
    """Requires that the running Harbor has every setting that the inventory uses; nothing is written otherwise."""

    fields: tuple[MarkedField, ...]

    @property
    def id(self) -> str:
        return "requirement:harbor-settings"

    def desired(self, actual: State | None) -> State | None:
        return None if actual is None else {"unfit": ""}

    def refusal(self, actual: State | None, desired: State | None) -> str:
        return str((actual or {}).get("unfit", ""))

    def read(self, task: Task) -> State | None:
        try:
            found = answers_of(task).one(SYSTEM_INFO) or {}
        except HarborUnreachable:
            if may_be_created(task):
                return None
            raise
        version = str(found.get("harbor_version") or "")
        release = release_in(version)
        return {"unfit": "\n".join(unfit_fields(self.fields, release, version)) if release else ""}

    def write(self, task: Task, actual: State | None) -> None:
        raise AssertionError("a release that does not fit is refused")
