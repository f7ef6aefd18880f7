"""What Harbor keeps under /configurations: the request that reads all of it, and how its values are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task
from pydantic import TypeAdapter

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject
from moor.errors import ErrorKind, HostError
from moor.resources.base import State
from moor.tasks.registry.answers import API, Answers, Question, Single
from moor.tasks.registry.flat import text_of
from moor.tasks.registry.thing import Thing

READ_ONLY = "read_only"


class ConfigurationItem(HarborObject):
    """One setting of Harbor's, and whether it may be changed."""

    value: bool | int | str | None = None
    editable: bool = True


CONFIGURATION = Single("/configurations", TypeAdapter(dict[str, ConfigurationItem]))


def values_of(answers: Answers) -> dict[str, Any]:
    """Return Harbor's settings by name, without the passwords, which Harbor gives to nobody."""
    return {name: item.get("value") for name, item in (answers.one(CONFIGURATION) or {}).items()}


def is_editable(answers: Answers, name: str) -> bool:
    """Return whether Harbor lets a setting be changed now."""
    return bool((answers.one(CONFIGURATION) or {}).get(name, {}).get("editable", True))


def write_values(harbor: Harbor, values: Mapping[str, Any]) -> None:
    """Write settings, and check that Harbor kept them: it ignores names that it does not know, and answers 200.

    Raises:
        HostError: Harbor refused a value, or ignored it
    """
    harbor.change("PUT", f"{API}/configurations", values)
    kept = CONFIGURATION.ask(harbor) or {}
    if ignored := sorted(
        name for name in values if name not in kept and "password" not in name and name[-6:] != "secret"
    ):
        raise HostError(f"Harbor ignores {', '.join(ignored)}; its release has no such setting", ErrorKind.ANSWER)


@dataclass(frozen=True)
class ReadOnly(Thing):
    """Whether Harbor refuses every change of what it holds.

    It is set after everything else, and lifted before, since Harbor refuses the other changes too.
    """

    read_only: bool

    @property
    def id(self) -> str:
        return "setting:read-only"

    def desired(self, actual: State | None) -> State:
        return {READ_ONLY: text_of(self.read_only)}

    def first_questions(self) -> Iterable[Question]:
        return (CONFIGURATION,)

    def found(self, answers: Answers, task: Task) -> State | None:
        return {READ_ONLY: text_of(bool(values_of(answers).get(READ_ONLY)))}

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        write_values(harbor, {READ_ONLY: self.read_only})
