"""Which of two registries receives: the standby does, and its own rules rest while it does not serve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.context import serves_registry
from moor.engine.converge import converge
from moor.engine.desired import desired_of
from moor.resources.base import Resource, State
from moor.tasks.registry.answers import API, Answers, Question, Single, begin_reading
from moor.tasks.registry.replication.names import RULES
from moor.tasks.registry.replication.pair import receiver_secret, standby_of
from moor.tasks.registry.replication.receiver import ReceiverRobot
from moor.tasks.registry.replication.rule_answers import RULES as ALL_RULES
from moor.tasks.registry.replication.rule_answers import find_rule, present_rule
from moor.tasks.registry.thing import Thing, fetch_ahead


def desired(host: Host) -> Sequence[Resource]:
    """Return the receiving robot, and on the standby the rules that must rest; nothing without a standby."""
    if standby_of(host) is None:
        return []
    serves = serves_registry(host)
    # Only a registry that takes changes lets its rules be changed.
    resting = [] if serves else [Writable(), *(RestingRule(name) for name in RULES)]
    return [*resting, ReceiverRobot(not serves, receiver_secret(host))]


def fence_registries(task: Task) -> Result:
    """Make the standby alone receive what the other registry holds."""
    begin_reading(task)
    things = desired_of(task, desired)
    fetch_ahead(task, things)
    return converge(task, things, former=desired)


@dataclass(frozen=True)
class RestingRule(Thing):
    """A replication rule of a registry that does not serve: it may exist, and does not run."""

    name: str

    @property
    def id(self) -> str:
        return f"replication:{self.name}"

    def desired(self, actual: State | None) -> State | None:
        return None if actual is None else {"enabled": "false"}

    def first_questions(self) -> Iterable[Question]:
        return (ALL_RULES,)

    def found(self, answers: Answers, task: Task) -> State | None:
        found = find_rule(answers, self.name)
        return {"enabled": "true" if found.get("enabled") else "false"} if found else None

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        found = present_rule(harbor, self.name)
        harbor.change("PUT", f"{API}/replication/policies/{found['id']}", {**found, "enabled": False})


class SettingAnswer(HarborObject):
    """One setting of Harbor's."""

    value: bool | int | str | None = None


SETTINGS = Single("/configurations", Shape(dict[str, SettingAnswer]))


def is_read_only(answers: Answers) -> bool:
    """Return whether Harbor refuses every change of what it holds."""
    return bool(((answers.one(SETTINGS) or {}).get("read_only") or {}).get("value"))


@dataclass(frozen=True)
class Writable(Thing):
    """A registry that takes pushes; a failover makes one read-only for its last copy."""

    @property
    def id(self) -> str:
        return "standby:writable"

    def desired(self, actual: State | None) -> State:
        return {"read_only": "false"}

    def first_questions(self) -> Iterable[Question]:
        return (SETTINGS,)

    def found(self, answers: Answers, task: Task) -> State | None:
        return {"read_only": "true" if is_read_only(answers) else "false"}

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        harbor.change("PUT", f"{API}/configurations", {"read_only": False})
