"""A project's number, by which most of Harbor's lists are asked for, and the list of all projects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import LAST_SECOND, PROJECT, HarborObject, Shape
from moor.errors import ErrorKind, HostError
from moor.tasks.registry.answers import API, BY_NAME, Answers, Listing, Single


class AllowlistEntry(HarborObject):
    """One CVE of an allow list."""

    cve_id: str


class AllowlistAnswer(HarborObject):
    """A project's list of CVEs that do not count."""

    items: list[AllowlistEntry] | None = None
    expires_at: Annotated[int, Field(le=LAST_SECOND)] | None = None


class ProjectAnswer(HarborObject):
    """A project as the list of all projects has it; the values of its metadata are text."""

    project_id: int
    name: str
    metadata: dict[str, str] | None = None
    cve_allowlist: AllowlistAnswer | None = None
    registry_id: int | None = None
    repo_count: int = 0
    owner_name: str = ""


@dataclass(frozen=True)
class Place:
    """A project that exists, and the answers about what is in it."""

    answers: Answers
    name: str
    number: int


PROJECTS = Listing("/projects", Shape(list[ProjectAnswer]))
ONE_PROJECT = Shape(ProjectAnswer)


def by_itself(name: str) -> Single:
    """Return the question for one project; unlike the list, its answer tells a hidden project from none."""
    return Single(f"/projects/{name}", ONE_PROJECT, by_name=True)


def is_listed(answers: Answers, name: str) -> bool:
    """Return whether the list of projects has one; the list has only what the account may see."""
    return name in _by_name(answers)


def find_project(answers: Answers, name: str) -> dict[str, Any] | None:
    """Return Harbor's description of a project, None if it does not exist.

    Raises:
        HostError: it exists, and moor's account may not see it
    """
    return _by_name(answers).get(name) or answers.one(by_itself(name))


def _by_name(answers: Answers) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = answers.derived(
        "by name", PROJECTS, lambda entries: {entry["name"]: entry for entry in entries}
    )
    return found


def project_number(answers: Answers, name: str) -> int | None:
    """Return a project's number, None if it does not exist."""
    found = find_project(answers, name)
    return int(found["project_id"]) if found else None


def present_number(harbor: Harbor, name: str) -> int:
    """Return the number of a project that an earlier step of this apply may have made.

    Raises:
        HostError: it does not exist
    """
    found = harbor.get(f"{API}/projects/{name}", PROJECT, headers=BY_NAME)
    if found is None:
        raise HostError(f"project {name}: Harbor does not have it any more; run again", ErrorKind.ANSWER)
    return int(found["project_id"])
