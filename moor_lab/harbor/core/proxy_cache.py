"""Pulls through a proxy cache project: what the project lacks comes from its registry, and is kept.

As Harbor 2.8 does it (src/server/middleware/repoproxy, src/controller/proxy): a tag is compared with the registry's at
every pull, a digest that is there is served as it is, and what went through is stored once the pull was answered. While
the registry is not healthy, the project serves what it has. Harbor looks after its health every five minutes, the
stand-in at every pull.
"""

from contextlib import ExitStack

import httpx
from werkzeug.wrappers import Response

from moor_lab.harbor.core.copying import CHUNK, cache_manifest, local_registry
from moor_lab.harbor.core.endpoint import MANIFESTS, SERVED_TYPES, check_health, connect
from moor_lab.harbor.core.errors import Refusal, not_found, not_in_the_stand_in
from moor_lab.harbor.core.pushes import move_tag
from moor_lab.harbor.core.repositories import find_artifact, remove_artifact
from moor_lab.harbor.core.service import Core
from moor_lab.harbor.core.store import Record

DIGEST = "Docker-Content-Digest"


def pull_through(core: Core, project: Record, pull: tuple[str, str, str], method: str) -> Response | None:
    """Return what the project's registry answers; None for what the project serves itself.

    Args:
        pull: repository, ``manifests`` or ``blobs``, and a tag or digest

    Raises:
        Refusal: the registry lacks the image, or is of a kind that the stand-in does not reach.
    """  # noqa: DOC501  # not_in_the_stand_in makes one
    registry = core.store.get("registry", project.body["registry_id"])
    repository, part, reference = pull
    if registry is None or part not in ("manifests", "blobs"):
        return None
    if registry.body["type"] not in SERVED_TYPES:
        raise not_in_the_stand_in(f"pulls through a proxy cache of the type {registry.body['type']}")
    artifact = _cached(core, repository, reference)
    if artifact and reference.startswith("sha256:"):
        return None
    if not _is_healthy(core, registry):
        return None
    try:
        if part == "blobs":
            return _blob(core, registry, repository, reference) if method == "GET" else None
        return _manifest(core, registry, (repository, reference), artifact, method)
    except httpx.HTTPError:
        return None


def _cached(core: Core, repository: str, reference: str) -> Record | None:
    known = core.store.find("repository", repository)
    return find_artifact(core.store, known, reference) if known else None


def _is_healthy(core: Core, registry: Record) -> bool:
    try:
        check_health(core, registry.body)
    except Refusal:
        return False
    return True


def _manifest(
    core: Core, registry: Record, pull: tuple[str, str], artifact: Record | None, method: str
) -> Response | None:
    repository, reference = pull
    place = f"/v2/{repository.partition('/')[2]}/manifests/{reference}"
    with connect(core, registry.body) as client:
        head = client.head(place, headers={"Accept": MANIFESTS})
        if head.status_code == 404:
            if artifact:
                remove_artifact(core.store, artifact)
            tag = "" if reference.startswith("sha256:") else reference
            raise not_found(f"resource not found: repo {repository}, tag {tag}")
        digest = head.raise_for_status().headers.get(DIGEST, "")
        if artifact and artifact.body["digest"] == digest:
            return None
        if method == "HEAD":
            _await_tag(core, repository, reference, digest)
            return _answer(b"", head.headers, digest)
        found = client.get(place, headers={"Accept": MANIFESTS}).raise_for_status()
    core.jobs.begin(lambda: cache_manifest(core, registry.id, repository, reference))
    # Harbor leaves the digest empty where a tag was asked for.
    return _answer(found.content, found.headers, reference if reference.startswith("sha256:") else "")


def _await_tag(core: Core, repository: str, reference: str, digest: str) -> None:
    """Have an artifact tagged, now or once it is stored: clients ask for a tag by HEAD, and pull its digest."""
    if reference.startswith("sha256:"):
        return
    core.awaited_tags.setdefault((repository, digest), set()).add(reference)
    if artifact := core.store.find("artifact", f"{repository}@{digest}"):
        move_tag(core.store, artifact, repository, reference)


def _answer(content: bytes, upstream: httpx.Headers, digest: str) -> Response:
    answer = Response(content, 200, content_type=upstream.get("Content-Type"))
    answer.headers["Content-Length"] = upstream.get("Content-Length", str(len(content)))
    answer.headers[DIGEST] = digest
    answer.headers["Etag"] = digest
    return answer


def _blob(core: Core, registry: Record, repository: str, digest: str) -> Response | None:
    """Return a blob as it comes from the registry; None if the project has it."""
    with local_registry(core, repository) as local:
        if local.head(f"/v2/{repository}/blobs/{digest}").status_code == 200:
            return None
    with ExitStack() as stack:
        client = stack.enter_context(connect(core, registry.body))
        place = f"/v2/{repository.partition('/')[2]}/blobs/{digest}"
        found = stack.enter_context(client.stream("GET", place))
        if found.status_code != 200:
            raise not_found(f"blob {digest}")
        answer = Response(found.iter_raw(CHUNK), 200, content_type="application/octet-stream")
        if "Content-Length" in found.headers:
            answer.headers["Content-Length"] = found.headers["Content-Length"]
        answer.headers[DIGEST] = digest
        answer.call_on_close(stack.pop_all().close)
    return answer
