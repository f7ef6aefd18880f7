"""The rights that a robot of Harbor's may have, and since which release; Harbor before 2.10 checks none of them.

Source  Harbor, src/common/rbac/const.go, of 2.10 to 2.15
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from moor.settings.validation import unknown_name
from moor.tasks.registry.releases import MarkedField, Since

CHECKED_SINCE = (2, 10)
SYSTEM: Mapping[str, str] = {
    "audit-log": "list",
    "catalog": "read",
    "garbage-collection": "create list read stop update",
    "jobservice-monitor": "list stop",
    "label": "create delete read update",
    "ldap-user": "create list",
    "preheat-instance": "create delete list read update",
    "project": "create list",
    "purge-audit": "create list read stop update",
    "quota": "list read update",
    "registry": "create delete list read update",
    "replication": "create list read",
    "replication-adapter": "list",
    "replication-policy": "create delete list read update",
    "robot": "create delete list read",
    "scan-all": "create read stop update",
    "scanner": "create delete list read update",
    "security-hub": "list read",
    "system-volumes": "read",
    "user": "create delete list read update",
    "user-group": "create delete list read update",
}
PROJECT: Mapping[str, str] = {
    "accessory": "list",
    "artifact": "create delete list read",
    "artifact-addition": "read",
    "artifact-label": "create delete",
    "export-cve": "create read",
    "immutable-tag": "create delete list update",
    "label": "create delete list read update",
    "log": "list",
    "member": "create delete list read update",
    "metadata": "create delete list read update",
    "notification-policy": "create delete list read update",
    "preheat-policy": "create delete list read update",
    "project": "delete read update",
    "quota": "read",
    "repository": "delete list pull push read update",
    "robot": "create delete list read",
    "sbom": "create read stop",
    "scan": "create read stop",
    "scanner": "create read",
    "tag": "create delete list",
    "tag-retention": "create delete list read update",
}
LATER_SYSTEM = {"quota": (2, 11), "ldap-user": (2, 12), "robot": (2, 12), "user": (2, 12), "user-group": (2, 12)}
LATER_PROJECT = {"quota": (2, 11), "sbom": (2, 11), "member": (2, 12), "robot": (2, 12), "export-cve": (2, 13)}
SHORT = ("pull", "push")  # rights on a project's images


@dataclass(frozen=True)
class CheckedRight(Since):
    """Marks a right that a release refuses before this one; the releases that check no right take it too."""

    def why_not(self, release: tuple[int, int]) -> str:
        """Return why a release does not take the right; empty if it does."""
        return "" if release < CHECKED_SINCE else super().why_not(release)


@dataclass(frozen=True)
class TwoLevels(Since):
    """Marks a robot with rights both of the system and in projects."""

    def why_not(self, release: tuple[int, int]) -> str:
        """Return why a release cannot have the robot; empty if it can."""
        if release >= CHECKED_SINCE:
            return ""
        return (
            "before 2.10, a robot with rights of the system loses its rights in projects, so that it takes two robots"
        )


def full_right(word: str) -> str:
    """Return a right as RESOURCE:ACTION; pull and push are of a project's images."""
    return f"repository:{word}" if word in SHORT else word


def shown_right(resource: str, action: str) -> str:
    """Return a right as the inventory writes it."""
    return action if resource == "repository" and action in SHORT else f"{resource}:{action}"


def check_rights(words: Iterable[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """Return the rights sorted, each once.

    Raises:
        ValueError: Harbor does not have one of them; before 2.10 it takes any text, and the robot may do nothing by it
    """
    found = sorted(set(words))
    for word in found:
        resource, colon, action = full_right(word).partition(":")
        if not colon:
            raise ValueError(f"{word!r} is no right; write RESOURCE:ACTION, such as artifact:list")
        if resource not in known:
            raise ValueError(f"{word}: {unknown_name(resource, known)}")
        if action not in known[resource].split():
            raise ValueError(f"{word}: the actions on {resource} are {', '.join(known[resource].split())}")
    return tuple(found)


def access_of(word: str) -> dict[str, str]:
    """Return a right as Harbor is sent it."""
    resource, _, action = full_right(word).partition(":")
    return {"resource": resource, "action": action}


def right_marks(rights: Iterable[str], later: Mapping[str, tuple[int, int]], key: str) -> Iterator[MarkedField]:
    """Yield what only some releases have of rights.

    Args:
        rights: as the inventory writes them
        later: the release since which a resource has rights
        key: their place in the inventory
    """
    for word in rights:
        if since := later.get(word.partition(":")[0]):
            yield MarkedField(f"{key}: {word}", CheckedRight(*since))


def project_rights(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return rights in a project, checked."""
    return check_rights(words, PROJECT)


ProjectRights = Annotated[tuple[str, ...], AfterValidator(project_rights), Field(min_length=1)]
"""Rights in a project: pull, push, or RESOURCE:ACTION."""
