"""The API for tags of an artifact."""

from urllib.parse import unquote

from werkzeug.wrappers import Response

from moor_lab.harbor.core.errors import bad_request, conflict, not_found, precondition
from moor_lab.harbor.core.immutability import is_immutable
from moor_lab.harbor.core.repositories import TAG, add_tag, find_artifact, missing_artifact, show_tag, tags_of
from moor_lab.harbor.core.service import API, Call, Route, done
from moor_lab.harbor.core.store import Conflict, Record


def _artifact(call: Call, reference: str, name: str, artifact: str, action: str) -> Record:
    project = call.project(reference)
    call.need(project, "tag", action)
    repository = f"{project.name}/{unquote(name)}"
    known = call.store.find("repository", repository)
    found = find_artifact(call.store, known, artifact) if known else None
    if found is None:
        raise missing_artifact(repository, artifact)
    return found


def list_tags(call: Call, reference: str, name: str, artifact: str) -> Response:
    found = _artifact(call, reference, name, artifact, "list")
    return call.listing([show_tag(tag) for tag in tags_of(call.store, found)])


def create_tag(call: Call, reference: str, name: str, artifact: str) -> Response:
    found = _artifact(call, reference, name, artifact, "create")
    tag = str(call.body("tag").get("name", ""))
    if not TAG.fullmatch(tag):
        raise bad_request(f"bad request: invalid tag name: {tag}")
    try:
        add_tag(call.store, found, tag)
    except Conflict:
        number = found.body["repository_id"]
        raise conflict(f"tag {tag} already exists under the repository {number}") from None
    return done(201)


def delete_tag(call: Call, reference: str, name: str, artifact: str, tag: str) -> Response:
    """Delete a tag; the artifact stays, even without any."""
    found = _artifact(call, reference, name, artifact, "delete")
    held = next((one for one in tags_of(call.store, found) if one.body["name"] == tag), None)
    if held is None:
        raise not_found(f"tag {tag} attached to artifact {found.id}")
    if is_immutable(call.store, call.project(reference), unquote(name), tag):
        raise precondition(f"the tag {tag} configured as immutable, cannot be deleted")
    call.store.remove(held)
    return done()


ALL = f"{API}/projects/<reference>/repositories/<name>/artifacts/<artifact>/tags"
ROUTES: list[Route] = [
    ("GET", ALL, list_tags),
    ("POST", ALL, create_tag),
    ("DELETE", f"{ALL}/<tag>", delete_tag),
]
