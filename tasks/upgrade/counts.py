"""How much a Harbor holds, by its API: counted before and after an upgrade, since an empty one is healthy too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from moor.connections.apis.harbor import Harbor, require_success
from moor.connections.apis.harbor_answers import HarborObject, Shape, parse_answer
from moor.connections.apis.harbor_paths import repository_path

COUNTED = ("projects", "repositories", "artifacts", "robots", "users")
BY_NAME = {"X-Is-Resource-Name": "true"}
PAGE = 100  # the most that Harbor gives at once
Counts = dict[str, int]


class ListedProject(HarborObject):
    """A project, of which there are repositories and robots to count."""

    project_id: int
    name: str


class ListedRepository(HarborObject):
    """A repository; Harbor leaves out a number that is 0."""

    name: str
    artifact_count: Annotated[int, Field(ge=0)] = 0


class ListedArtifact(HarborObject):
    """An artifact, by its digest."""

    digest: str


PROJECTS, REPOSITORIES = Shape(list[ListedProject]), Shape(list[ListedRepository])
ARTIFACTS, ANYTHING = Shape(list[ListedArtifact]), Shape(list[Any])


def count_contents(harbor: Harbor) -> Counts:
    """Count what a Harbor holds; raises HostError if it does not say."""
    counts = dict.fromkeys(COUNTED, 0)
    for project in _list(harbor, "/api/v2.0/projects", PROJECTS):
        counts["projects"] += 1
        robots = {"q": f"Level=project,ProjectID={project['project_id']}"}
        counts["robots"] += _total(harbor, "/api/v2.0/robots", robots)
        repositories = f"/api/v2.0/projects/{project['name']}/repositories"
        for repository in _list(harbor, repositories, REPOSITORIES):
            counts["repositories"] += 1
            counts["artifacts"] += repository.get("artifact_count", 0)
    counts["robots"] += _total(harbor, "/api/v2.0/robots", {})
    counts["users"] = _total(harbor, "/api/v2.0/users", {})
    return counts


def require_administrator(harbor: Harbor) -> None:
    """Raise HostError if the login may not count everything."""
    _total(harbor, "/api/v2.0/users", {})


def find_image(harbor: Harbor) -> tuple[str, str] | None:
    """Return repository and digest of any image that a Harbor holds; None for an empty one."""
    for project in _list(harbor, "/api/v2.0/projects", PROJECTS):
        repositories = f"/api/v2.0/projects/{project['name']}/repositories"
        for repository in _list(harbor, repositories, REPOSITORIES):
            below = f"/api/v2.0{repository_path(repository['name'])}/artifacts"
            for artifact in harbor.get(below, ARTIFACTS, {"page_size": "1"}, BY_NAME) or ():
                return repository["name"], artifact["digest"]
    return None


def fewer(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Return in words of what there is less than before."""
    return [f"{name}: {before[name]} -> {after.get(name, 0)}" for name in before if after.get(name, 0) < before[name]]


def counts_text(counts: Mapping[str, int]) -> str:
    """Return counts as words of a journal, from which ``parse_counts`` makes them again."""
    return " ".join(f"{name}={number}" for name, number in counts.items())


def parse_counts(text: str) -> Counts:
    """Parse counts; leave out what is no number."""
    pairs = (word.partition("=")[::2] for word in text.split())
    return {name: int(number) for name, number in pairs if number.isdigit()}


def _list(harbor: Harbor, path: str, shape: Shape) -> Iterator[dict[str, Any]]:
    number = 1
    while found := harbor.get(path, shape, {"page_size": str(PAGE), "page": str(number)}, BY_NAME):
        yield from found
        if len(found) < PAGE:
            return
        number += 1


def _total(harbor: Harbor, path: str, query: Mapping[str, str]) -> int:

    answer = require_success(harbor.ask("GET", path, query={"page_size": "1", **query}))
    listed = parse_answer(ANYTHING, answer)
    total = answer.headers.get("X-Total-Count", "")
    return int(total) if total.isdigit() else len(listed)
