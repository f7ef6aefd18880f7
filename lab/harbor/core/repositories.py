"""What was pushed: repositories, artifacts and tags."""

import re
from typing import Any
from urllib.parse import quote, unquote

from werkzeug.wrappers import Response

from lab.harbor.core.clock import NEVER, now
from lab.harbor.core.errors import Refusal, bad_request, conflict, not_found, precondition, unprocessable
from lab.harbor.core.labels import show as show_label
from lab.harbor.core.projects import repositories_of
from lab.harbor.core.query import matches, sort_by
from lab.harbor.core.service import API, JSON, Call, Route, absent, done, dump, reply
from lab.harbor.core.store import Conflict, Record, Store

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
ICON = "sha256:0048162a053eef4d4ce3fe7518615bef084403614f8bca43b40ae2e762e11e06"  # Harbor's own, for images


def list_repositories(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "repository", "list")
    return _listed(call, repositories_of(call.store, project))


def list_all_repositories(call: Call) -> Response:
    projects = {one.id for one in call.store.all("project") if call.rights.sees(one)}
    return _listed(call, [one for one in call.store.all("repository") if one.body["project_id"] in projects])


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
    """The latest first."""
    return [one for one in reversed(store.all("tag")) if one.body["artifact_id"] == artifact.id]


def _repository(call: Call, reference: str, name: str, action: str) -> Record:
    """``name`` is encoded once more, for a / in it."""
    project = call.project(reference)
    call.need(project, "repository", action)
    whole = f"{project.name}/{unquote(name)}"
    found = call.store.find("repository", whole)
    if found is None:
        raise not_found(f"repository {whole}")
    return found


def get_repository(call: Call, reference: str, name: str) -> Response:
    return reply(show(call.store, _repository(call, reference, name, "read")))


def update_repository(call: Call, reference: str, name: str) -> Response:
    repository = _repository(call, reference, name, "update")
    repository.body |= {"description": call.body("repository").get("description", ""), "update_time": now()}
    call.store.put(repository)
    return done()


def delete_repository(call: Call, reference: str, name: str) -> Response:
    repository = _repository(call, reference, name, "delete")
    for artifact in artifacts_of(call.store, repository):
        remove_artifact(call.store, artifact)
    call.store.remove(repository)
    return done()


def remove_artifact(store: Store, artifact: Record) -> None:
    for tag in tags_of(store, artifact):
        store.remove(tag)
    store.remove(artifact)


def find_artifact(store: Store, repository: Record, reference: str) -> Record | None:
    """An artifact by digest or tag."""
    if reference.startswith("sha256:"):
        return store.find("artifact", f"{repository.name}@{reference}")
    tag = store.find("tag", f"{repository.name}:{reference}")
    return store.get("artifact", tag.body["artifact_id"]) if tag else None


def missing_artifact(repository: str, reference: str) -> Refusal:
    mark = "@" if reference.startswith("sha256:") else ":"
    return not_found(f"artifact {repository}{mark}{reference}")


def list_artifacts(call: Call, reference: str, name: str) -> Response:
    """An unknown repository has none, and that is no error."""
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
    with_label = call.request.args.get("with_label") == "true"
    labels = [label for label in call.store.all("label") if label.id in artifact.body["labels"]]
    return {name: artifact.body[name] for name in (*names, "pull_time", "size", "type", "references")} | {
        "accessories": None,
        "addition_links": {"build_history": {"absolute": False, "href": f"{below}/additions/build_history"}},
        "icon": ICON,
        "id": artifact.id,
        "labels": [show_label(label) for label in labels] or None if with_label else None,
        "tags": [show_tag(tag) for tag in tags_of(call.store, artifact)] or None,
    }


def show_tag(tag: Record) -> dict[str, Any]:
    names = ("artifact_id", "name", "pull_time", "push_time", "repository_id")
    return {name: tag.body[name] for name in names} | {"id": tag.id, "immutable": False, "signed": False}


def _artifact(call: Call, reference: str, name: str, wanted: str, resource: str, action: str) -> Record:
    project = call.project(reference)
    call.need(project, resource, action)
    whole = f"{project.name}/{unquote(name)}"
    repository = call.store.find("repository", whole)
    artifact = find_artifact(call.store, repository, wanted) if repository else None
    if artifact is None:
        raise missing_artifact(whole, wanted)
    return artifact


def get_artifact(call: Call, reference: str, name: str, wanted: str) -> Response:
    return reply(show_artifact(call, _artifact(call, reference, name, wanted, "artifact", "read")))


def delete_artifact(call: Call, reference: str, name: str, wanted: str) -> Response:
    remove_artifact(call.store, _artifact(call, reference, name, wanted, "artifact", "delete"))
    return done()


def build_history(call: Call, reference: str, name: str, wanted: str) -> Response:
    artifact = _artifact(call, reference, name, wanted, "artifact", "read")
    return Response(dump(artifact.body["history"]), content_type=f"{JSON}; charset=utf-8")


def get_addition(call: Call, reference: str, name: str, wanted: str, addition: str) -> Response:
    if addition != "vulnerabilities":
        raise unprocessable("addition in path should be one of [build_history values.yaml readme.md dependencies]")
    artifact = _artifact(call, reference, name, wanted, "artifact", "read")
    raise Refusal(404, "NOT_FOUND", f"no scanner registration configured for project: {artifact.body['project_id']}")


def scan(call: Call, reference: str, name: str, wanted: str) -> Response:
    artifact = _artifact(call, reference, name, wanted, "artifact", "create")
    raise precondition(f"no available scanner for project: {artifact.body['project_id']}")


def list_accessories(call: Call, reference: str, name: str, wanted: str) -> Response:
    _artifact(call, reference, name, wanted, "artifact", "read")
    return call.listing([])


def list_tags(call: Call, reference: str, name: str, wanted: str) -> Response:
    artifact = _artifact(call, reference, name, wanted, "tag", "list")
    return call.listing([show_tag(tag) for tag in tags_of(call.store, artifact)])


def create_tag(call: Call, reference: str, name: str, wanted: str) -> Response:
    artifact = _artifact(call, reference, name, wanted, "tag", "create")
    tag = call.body("tag").get("name", "")
    if not TAG.fullmatch(tag):
        raise bad_request(f"bad request: invalid tag name: {tag}")
    try:
        add_tag(call.store, artifact, tag)
    except Conflict:
        number = artifact.body["repository_id"]
        raise conflict(f"tag {tag} already exists under the repository {number}") from None
    return done(201)


def add_tag(store: Store, artifact: Record, tag: str) -> None:
    """Raises  Conflict: the repository has that tag."""
    repository = artifact.name.partition("@")[0]
    body = {"artifact_id": artifact.id, "repository_id": artifact.body["repository_id"], "name": tag}
    store.add("tag", f"{repository}:{tag}", body | {"push_time": now(), "pull_time": NEVER})


def delete_tag(call: Call, reference: str, name: str, wanted: str, tag: str) -> Response:
    artifact = _artifact(call, reference, name, wanted, "tag", "delete")
    found = next((one for one in tags_of(call.store, artifact) if one.body["name"] == tag), None)
    if found is None:
        raise not_found(f"tag {tag} attached to artifact {artifact.id}")
    call.store.remove(found)
    return done()


def add_label(call: Call, reference: str, name: str, wanted: str) -> Response:
    artifact = _artifact(call, reference, name, wanted, "artifact", "create")
    number = call.body("label").get("id")
    if number in artifact.body["labels"]:
        raise conflict(f"label {number} is already added to the artifact {artifact.id}")
    artifact.body["labels"].append(number)
    call.store.put(artifact)
    return done()


def remove_label(call: Call, reference: str, name: str, wanted: str, number: int) -> Response:
    artifact = _artifact(call, reference, name, wanted, "artifact", "create")
    artifact.body["labels"] = [one for one in artifact.body["labels"] if one != number]
    call.store.put(artifact)
    return done()


ALL = f"{API}/projects/<reference>/repositories"
ONE = f"{ALL}/<name>/artifacts/<wanted>"
ROUTES: list[Route] = [
    ("GET", f"{API}/repositories", list_all_repositories),
    ("GET", ALL, list_repositories),
    ("GET", f"{ALL}/<name>", get_repository),
    ("PUT", f"{ALL}/<name>", update_repository),
    ("DELETE", f"{ALL}/<name>", delete_repository),
    ("GET", f"{ALL}/<name>/artifacts", list_artifacts),
    ("POST", f"{ALL}/<name>/artifacts", absent),
    ("GET", ONE, get_artifact),
    ("DELETE", ONE, delete_artifact),
    ("GET", f"{ONE}/additions/build_history", build_history),
    ("GET", f"{ONE}/additions/<addition>", get_addition),
    ("POST", f"{ONE}/scan", scan),
    ("GET", f"{ONE}/accessories", list_accessories),
    ("GET", f"{ONE}/tags", list_tags),
    ("POST", f"{ONE}/tags", create_tag),
    ("DELETE", f"{ONE}/tags/<tag>", delete_tag),
    ("POST", f"{ONE}/labels", add_label),
    ("DELETE", f"{ONE}/labels/<int:number>", remove_label),
]
