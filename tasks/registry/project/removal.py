"""Projects that the inventory does not list: what would be lost with each, and how it is removed."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.connections.apis.harbor_paths import repository_path
from moor.tasks.registry.answers import Answers, Listing
from moor.tasks.registry.project.immutable import rules_of
from moor.tasks.registry.project.number import PROJECTS
from moor.tasks.registry.project.quota import about, find_quota, used_in
from moor.tasks.registry.thing import Unlisted

HARBORS_OWN = "library"  # Harbor makes it itself at its first start
NOT_EMPTY = (
    "it has images, and prune removes none of them; remove them in Harbor, list the project in the inventory, or "
    "write with_content below data.harbor_system.prune"
)


class RepositoryAnswer(HarborObject):
    """A repository; its name begins with its project's."""

    id: int
    name: str
    artifact_count: int = 0


REPOSITORIES = Shape(list[RepositoryAnswer])


def unlisted_projects(answers: Answers, listed: Container[str], *, with_content: bool) -> Iterator[Unlisted]:
    """Yield the projects that are not listed; one with images is refused, unless ``with_content``."""
    for project in answers.every(PROJECTS):
        empty = not project.get("repo_count")
        if project["name"] not in listed and (empty or project["name"] != HARBORS_OWN):
            yield _removal(answers, project, refused="" if empty or with_content else NOT_EMPTY)


def _removal(answers: Answers, project: Mapping[str, Any], refused: str) -> Unlisted:
    name = project["name"]
    repositories = answers.every(Listing(f"/projects/{name}/repositories", REPOSITORIES, by_name=True))
    quota = find_quota(answers, project["project_id"])
    lost = {
        "repositories": str(len(repositories)),
        "artifacts": str(sum(one.get("artifact_count", 0) for one in repositories)),
        "size": about(used_in(quota)) if quota else "not known",
    }
    return Unlisted(
        f"project:{name}",
        tuple(lost.items()),
        PROJECTS,
        project["project_id"],
        (*(() if refused else _content(answers, project, repositories)), f"/projects/{name}"),
        refused,
        id_field="project_id",
        by_name=True,
    )


def _content(answers: Answers, project: Mapping[str, Any], repositories: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the paths to delete before a project: images, and first the rules that stop Harbor from deleting them."""
    place = f"/projects/{project['name']}"
    rules = answers.every(rules_of(project["project_id"])) if repositories else ()
    yield from (f"{place}/immutabletagrules/{rule['id']}" for rule in rules)
    yield from (repository_path(one["name"]) for one in repositories)
