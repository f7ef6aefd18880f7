"""The authorization of /v2, in front of docker-registry, which answers allowed requests."""

import re
from dataclasses import replace

from werkzeug.wrappers import Response

from moor_lab.harbor.core.audit import note
from moor_lab.harbor.core.errors import Refusal, bad_request, not_found
from moor_lab.harbor.core.forwarding import Target, forward, inner_headers
from moor_lab.harbor.core.immutability import need_deletable, need_movable
from moor_lab.harbor.core.proxy_cache import pull_through
from moor_lab.harbor.core.pushes import record_pull, record_push, subject_in
from moor_lab.harbor.core.query import Query, cut
from moor_lab.harbor.core.quotas import need_room
from moor_lab.harbor.core.replicating import on_delete, on_push
from moor_lab.harbor.core.repositories import artifacts_of, find_artifact, missing_artifact, remove_artifact, tags_of
from moor_lab.harbor.core.service import READS, Call, Route, done, dump
from moor_lab.harbor.core.store import Record
from moor_lab.harbor.core.tokens import SERVICE, Access

PATH = re.compile(r"(?P<repository>.+)/(?P<part>manifests|blobs|tags|referrers)/(?P<rest>.*)")
INDEX = "application/vnd.oci.image.index.v1+json"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def base(call: Call) -> Response:
    """Answer GET /v2/, with which clients check their login."""
    if not call.who.known and _token(call) is None:
        raise _refusal(call, "unauthorized")
    headers = {"Docker-Distribution-Api-Version": "registry/2.0"}
    return Response("{}", 200, headers, content_type="application/json; charset=utf-8")


def catalog(call: Call) -> Response:
    if not call.rights.in_system("catalog", "read"):
        raise _refusal(call, "unauthorized to list catalog")
    return _json({"repositories": sorted(one.name for one in call.store.all("repository"))})


def _json(body: object) -> Response:
    return Response(dump(body), content_type="application/json; charset=utf-8")


def repository(call: Call, path: str) -> Response:
    """Answer all requests below a repository's name."""
    target = _target(call, path)
    project = _allowed(call, target)
    if project.body.get("registry_id"):
        proxied = _through_proxy(call, target, project)
        if proxied is not None:
            return proxied
    if target.part == "tags":
        return _tags(call, target)
    if target.part == "referrers":
        return _referrers(call, target)
    if target.part == "manifests":
        return _manifest(call, target, project)
    if call.request.method == "PUT":
        need_room(call.store, project, call.request.content_length or 0)
    return forward(call, target)


def _through_proxy(call: Call, target: Target, project: Record) -> Response | None:
    """Return what comes through a proxy cache, None for what is in it; raise Refusal for what it does not take."""
    if target.action == "push":
        raise Refusal(403, "DENIED", f"denied: can not push artifact to a proxy project: {project.name}")
    if target.action != "pull":
        return None
    return pull_through(call.core, project, (target.repository, target.part, target.rest), call.request.method)


def _target(call: Call, path: str) -> Target:
    found = PATH.fullmatch(path)
    if found is None:
        raise not_found(f"path {call.request.path} was")
    method = call.request.method
    action = "pull" if method in READS else "delete" if method == "DELETE" else "push"
    target = Target(found["repository"], found["part"], found["rest"], action)
    if "/" not in target.repository:
        raise bad_request(f"bad request: invalid repository name: {target.repository}")
    return target


def _allowed(call: Call, target: Target) -> Record:
    """Return the project of the target.

    Raises:
        Refusal: always 401; only the challenge differs.
    """  # noqa: DOC501  # _refusal makes one
    if "Authorization" not in call.request.headers and target.action == "pull":
        raise _refusal(call, "authorize header needed to send HEAD to repository", target)
    name = target.repository.partition("/")[0]
    project = call.store.find("project", name)
    if project is None:
        message = f"project {name} not found"
        raise Refusal(401, "UNAUTHORIZED", f"{message}: {message}", challenge="", registry=True)
    if not _may(call, project, target):
        message = f"unauthorized to access repository: {target.repository}, action: {target.action}"
        raise _refusal(call, message, target)
    return project


def _may(call: Call, project: Record, target: Target) -> bool:
    """Return the rights: those of a valid token, else those that the API would give; an invalid token has none."""
    access = _token(call)
    if access is None:
        return call.rights.in_project(project, "repository", target.action)
    return any(one["name"] == target.repository and target.action in one["actions"] for one in access)


def _token(call: Call) -> list[Access] | None:
    given = call.request.authorization
    if given is None or given.type != "bearer":
        return None
    read = call.core.tokens.read(given.token or "")
    return read[1] if read else None


def _refusal(call: Call, message: str, target: Target | None = None) -> Refusal:
    given = call.request.authorization
    challenge = f'Bearer realm="{call.core.external_url}/service/token",service="{SERVICE}"'
    if target:
        challenge += f',scope="{target.scope}"'
    if given is not None and given.type == "basic":
        challenge = 'Basic realm="harbor"'
    return Refusal(401, "UNAUTHORIZED", f"{message}: {message}", challenge=challenge, registry=True)


def _known(call: Call, target: Target) -> Record:
    found = call.store.find("repository", target.repository)
    if found is None:
        raise not_found(f"repository {target.repository}")
    return found


def _tags(call: Call, target: Target) -> Response:
    known = _known(call, target)
    artifacts = artifacts_of(call.store, known)
    tags = sorted(tag.body["name"] for artifact in artifacts for tag in tags_of(call.store, artifact))
    last, count = call.request.args.get("last", ""), int(call.request.args.get("n", 0))
    later = [tag for tag in tags if tag > last]
    shown = cut(later, Query(page_size=count))
    answer = _json({"name": target.repository, "tags": shown})
    if len(shown) < len(later):
        answer.headers["Link"] = f'</v2/{target.repository}/tags/list?last={shown[-1]}&n={count}>; rel="next"'
    return answer


def _referrers(call: Call, target: Target) -> Response:
    """List what refers to a digest, as Harbor does from 2.8 on; nothing of an unknown one."""
    known = call.store.find("repository", target.repository)
    artifacts = artifacts_of(call.store, known) if known else []
    entries = [one.body["entry"] for one in artifacts if one.body.get("subject") == target.rest]
    made = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return Response(dump(made), content_type=INDEX)


def _manifest(call: Call, target: Target, project: Record) -> Response:
    if target.action == "push":
        return _push(call, target, project)
    if target.action == "delete" and not target.rest.startswith("sha256:"):
        message = f"unsupported digest {target.rest}: invalid checksum digest format"
        raise Refusal(400, "UNSUPPORTED", message)
    known = _known(call, target)
    artifact = find_artifact(call.store, known, target.rest)
    if artifact is None:
        raise missing_artifact(target.repository, target.rest)
    if target.action == "delete":
        need_deletable(call.store, project, artifact)
        remove_artifact(call.store, artifact)
        on_delete(call.core, target.repository, artifact.body["digest"])
        return done(202)
    # Like Harbor, ask for the digest: a tag may be one of the database's alone.
    answer = forward(call, replace(target, rest=artifact.body["digest"]))
    if call.request.method == "GET" and answer.status_code == 200:
        record_pull(call.store, known, artifact, target.rest)
        note(call, "pull", f"{target.repository}:{target.rest}")
    return answer


def _push(call: Call, target: Target, project: Record) -> Response:
    manifest = call.request.get_data()
    need_room(call.store, project, len(manifest))
    if known := call.store.find("repository", target.repository):
        need_movable(call.store, project, known, target.rest)
    answer = forward(call, target, manifest)
    if answer.status_code == 201:
        digest = answer.headers["Docker-Content-Digest"]
        tag = "" if target.rest.startswith("sha256:") else target.rest
        record_push(
            call.store, project, target.repository, digest, tag, manifest, lambda blob: _blob(call, target, blob)
        )
        if subject := subject_in(manifest):
            answer.headers["OCI-Subject"] = subject
        note(call, "create", f"{target.repository}:{target.rest}")
        on_push(call.core, target.repository, digest, tag)
    return answer


def _blob(call: Call, target: Target, digest: str) -> bytes:
    path = f"/v2/{target.repository}/blobs/{digest}"
    return call.core.registry.get(path, headers=inner_headers(call, target)).content


ROUTES: list[Route] = [("GET", "/v2/", base), ("GET", "/v2/_catalog", catalog)]
ROUTES += [(method, "/v2/<path:path>", repository) for method in METHODS]
