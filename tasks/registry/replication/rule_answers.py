"""What Harbor answers about replication rules, without the model of what the inventory says of one."""

from __future__ import annotations

from typing import Any

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.errors import ErrorKind, HostError
from moor.tasks.registry.answers import Answers, Listing

LOCAL = 0  # the id of Harbor's own end


class EndAnswer(HarborObject):
    """One end of a rule; Harbor's own has the id 0."""

    id: int = LOCAL
    name: str = ""


class RuleAnswer(HarborObject):
    """A replication rule of Harbor's."""

    id: int
    name: str
    src_registry: EndAnswer | None = None
    dest_registry: EndAnswer | None = None


RULES = Listing("/replication/policies", Shape(list[RuleAnswer]))


def find_rule(answers: Answers, name: str) -> dict[str, Any] | None:
    """Return Harbor's description of a rule, None if it does not exist."""
    return answers.named(RULES, name)


def present_rule(harbor: Harbor, name: str) -> dict[str, Any]:
    """Return Harbor's description of a rule; raise HostError without it."""
    found = next((one for one in RULES.ask(harbor) if one["name"] == name), None)
    if found is None:
        raise HostError(f"replication:{name}: Harbor does not have it any more; run again", ErrorKind.ANSWER)
    return dict(found)
