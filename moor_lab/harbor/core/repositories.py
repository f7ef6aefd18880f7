"""The API for repositories, artifacts and tags."""

import re
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.errors import Refusal, not_found
from moor_lab.harbor.core.projects import repositories_of
from moor_lab.harbor.core.query import matches, sort_by
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.store import Conflict, Record, Store

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
ICON = "sha256:0048162a053eef4d4ce3fe7518615bef084403614f8bca43b40ae2e762e11e06"  # Harbor's own, for images


def list_repositories(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "repository", "list")
    return _listed(call, repositories_of(call.store, project))


def list_every_repository(call: Call) -> Response:
    """List the repositories of all projects that the caller sees."""
    seen = [project for project in call.store.all("project") if call.rights.sees(project)]
    return _listed(call, [one for project in seen for one in repositories_of(call.store, project)])


def _listed(call: Call, repositories: list[Record]) -> Response:
    query = call.query()
    wanted = query.filters.get("name")
    shown = [show(call.store, one) for one in repositories if matches(wanted, one.name)]
    return call.listing(sort_by(shown, query.sort, lambda one: -one["id"]))


def show(store: Store, repository: Record) -> dict[str, Any]:
    names = ("creation_time", "update_time", "project_id", "pull_count")
    shown = {name: repository.body[name] for name in names}
    shown |= {"artifact_count": len(artifacts_of(store, repository)), "id": repository.id, "name": repository.name}
    return shown | ({"description": repository.body["description"]} if repository.body.get("description") else {})


def artifacts_of(store: Store, repository: Record) -> list[Record]:
    return [one for one in store.all("artifact") if one.body["repository_id"] == repository.id]


def tags_of(store: Store, artifact: Record) -> list[Record]:
    """Return the tags of an artifact, the latest first."""
    return [one for one in reversed(store.all("tag")) if one.body["artifact_id"] == artifact.id]


def _repository(call: Call, reference: str, name: str, action: str) -> Record:
    """Return the repository; its ``name`` is URL-encoded once more, since it may have a /."""
    project = call.project(reference)
    call.need(project, "repository", action)
    whole = f"{project.name}/{unquote(name)}"
    found = call.store.find("repository", whole)
    if found is None:
        raise not_found(f"repository {whole}")
    return found


def get_repository(call: Call, reference: str, name: str) -> Response:
    return reply(show(call.store, _repository(call, reference, name, "read")))


def describe_repository(call: Call, reference: str, name: str) -> Response:
    repository = _repository(call, reference, name, "update")
    repository.body["description"] = call.body("repository").get("description", "")
    call.store.put(repository)
    return done()


def delete_repository(call: Call, reference: str, name: str) -> Response:
    repository = _repository(call, reference, name, "delete")
    for artifact in artifacts_of(call.store, repository):
        remove_artifact(call.store, artifact)
    call.store.remove(repository)
    return done()


def remove_artifact(store: Store, artifact: Record) -> None:
    """Remove an artifact with its tags; the registry keeps its manifest until garbage is collected."""
    for tag in tags_of(store, artifact):
        store.remove(tag)
    store.remove(artifact)
    with suppress(Conflict):
        store.add("trash", artifact.name, {})


def find_artifact(store: Store, repository: Record, reference: str) -> Record | None:
    """Return an artifact by digest or tag."""
    if reference.startswith("sha256:"):
        return store.find("artifact", f"{repository.name}@{reference}")
    tag = store.find("tag", f"{repository.name}:{reference}")
    return store.get("artifact", tag.body["artifact_id"]) if tag else None


def missing_artifact(repository: str, reference: str) -> Refusal:
    mark = "@" if reference.startswith("sha256:") else ":"
    return not_found(f"artifact {repository}{mark}{reference}")


def list_artifacts(call: Call, reference: str, name: str) -> Response:
    """List the artifacts; like Harbor, return an empty list for an unknown repository."""
    project = call.project(reference)
    call.need(project, "artifact", "list")
    repository = call.store.find("repository", f"{project.name}/{unquote(name)}")
    artifacts = artifacts_of(call.store, repository) if repository else []
    wanted = call.query().filters.get("tags")
    kept = [one for one in artifacts if _tagged(call.store, one, wanted)]
    return call.listing([show_artifact(call, one) for one in reversed(kept)])


def _tagged(store: Store, artifact: Record, wanted: str | None) -> bool:
    tags = [tag.body["name"] for tag in tags_of(store, artifact)]
    if wanted in ("nil", "*"):
        return bool(tags) == (wanted == "*")
    return wanted is None or any(matches(wanted, tag) for tag in tags)


def show_artifact(call: Call, artifact: Record) -> dict[str, Any]:
    repository = artifact.name.partition("@")[0]
    project, _, name = repository.partition("/")
    digest = artifact.body["digest"]
    below = f"{API}/projects/{project}/repositories/{quote(quote(name, safe=''), safe='')}/artifacts/{digest}"
    names = ("digest", "extra_attrs", "manifest_media_type", "media_type", "project_id", "push_time", "repository_id")
    return {name: artifact.body[name] for name in (*names, "pull_time", "size", "type", "references")} | {
        "accessories": None,
        "addition_links": {"build_history": {"absolute": False, "href": f"{below}/additions/build_history"}},
        "icon": ICON,
        "id": artifact.id,
        "labels": None,
        "tags": [show_tag(tag) for tag in tags_of(call.store, artifact)] or None,
    }


def show_tag(tag: Record) -> dict[str, Any]:
    names = ("artifact_id", "name", "pull_time", "push_time", "repository_id")
    return {name: tag.body[name] for name in names} | {"id": tag.id, "immutable": False, "signed": False}


def add_tag(store: Store, artifact: Record, tag: str) -> None:
    """Create a tag; raise Conflict if the repository has it."""
    repository = artifact.name.partition("@")[0]
    body = {"artifact_id": artifact.id, "repository_id": artifact.body["repository_id"], "name": tag}
    store.add("tag", f"{repository}:{tag}", body | {"push_time": now(), "pull_time": NEVER})


ALL = f"{API}/projects/<reference>/repositories"
ROUTES: list[Route] = [
    ("GET", f"{API}/repositories", list_every_repository),
    ("GET", ALL, list_repositories),
    ("GET", f"{ALL}/<name>", get_repository),
    ("PUT", f"{ALL}/<name>", describe_repository),
    ("DELETE", f"{ALL}/<name>", delete_repository),
    ("GET", f"{ALL}/<name>/artifacts", list_artifacts),
]
