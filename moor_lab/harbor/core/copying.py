"""Copying artifacts from one end of a replication policy to the other."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any

import httpx

from moor_lab.harbor.core.endpoint import (
    HARBOR,
    connect,
    ensure_project,
    fetch_manifest,
    has_manifest,
    push_blob,
    push_manifest,
)
from moor_lab.harbor.core.pushes import move_tag, record_push
from moor_lab.harbor.core.replication_rules import renamed
from moor_lab.harbor.core.service import Core

CHUNK = 1 << 18


@contextmanager
def end(core: Core, number: int, repository: str) -> Iterator[httpx.Client]:
    """Yield a client of one end of a policy: another registry, or the one behind this core."""
    registry = core.store.get("registry", number) if number else None
    if registry:
        with connect(core, registry.body) as client:
            yield client
        return
    with local_registry(core, repository) as client:
        yield client


@contextmanager
def local_registry(core: Core, repository: str) -> Iterator[httpx.Client]:
    """Yield a client of the registry behind this core, with all rights in a repository."""
    access = [{"type": "repository", "name": repository, "actions": ["pull", "push", "delete"]}]
    token = core.tokens.issue("harbor-core", access)
    headers = {"Authorization": f"Bearer {token}"}
    verify = False  # it is reached over plain HTTP
    with httpx.Client(base_url=core.registry.base_url, headers=headers, verify=verify, timeout=300) as client:
        yield client


def copy(core: Core, policy: Mapping[str, Any], repository: str, reference: str) -> None:
    target = renamed(policy, repository)
    with end(core, policy["src"], repository) as source, end(core, policy["dest"], target) as sink:
        registry = core.store.get("registry", policy["dest"]) if policy["dest"] else None
        if registry and registry.body["type"] == HARBOR:
            ensure_project(sink, target.partition("/")[0], _publicity(core, repository))
        _copy_manifest(core, (source, repository), (sink, target), reference, local=registry is None)


def cache_manifest(core: Core, number: int, repository: str, reference: str) -> None:
    """Copy an artifact from the endpoint of a proxy cache into the project, of an index every platform."""
    with (
        suppress(httpx.HTTPError),  # the next pull tries again
        end(core, number, repository) as source,
        local_registry(core, repository) as sink,
    ):
        place = source, repository.partition("/")[2]
        _copy_manifest(core, place, (sink, repository), reference, local=True)
        for (name, digest), tags in list(core.awaited_tags.items()):
            if name == repository and (artifact := core.store.find("artifact", f"{name}@{digest}")):
                for tag in tags:
                    move_tag(core.store, artifact, repository, tag)


def _publicity(core: Core, repository: str) -> str:
    project = core.store.find("project", repository.partition("/")[0])
    return str(project.body["metadata"].get("public", "false")) if project else "false"


Place = tuple[httpx.Client, str]  # a registry and a repository in it


def _copy_manifest(core: Core, source: Place, sink: Place, reference: str, *, local: bool) -> None:
    """Copy an artifact with all that it refers to; what is there already is left alone."""
    content, kind = fetch_manifest(*source, reference)
    manifest = json.loads(content)
    if not local and has_manifest(*sink, reference, digest_of(content)):
        return
    for child in manifest.get("manifests") or ():
        _copy_manifest(core, source, sink, child["digest"], local=local)
    for blob in [one for one in (manifest.get("config"), *(manifest.get("layers") or ())) if one]:
        with source[0].stream("GET", f"/v2/{source[1]}/blobs/{blob['digest']}") as answer:
            answer.raise_for_status()
            push_blob(*sink, blob["digest"], answer.iter_raw(CHUNK))
    push_manifest(*sink, reference, (content, kind))
    if local:
        _record(core, sink, reference, content)


def digest_of(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def _record(core: Core, sink: Place, reference: str, content: bytes) -> None:
    client, repository = sink
    project = core.store.find("project", repository.partition("/")[0])
    if project is None:
        raise ValueError(f"there is no project for {repository}")
    tag = "" if reference.startswith("sha256:") else reference
    record_push(
        core.store,
        project,
        repository,
        digest_of(content),
        tag,
        content,
        lambda digest: client.get(f"/v2/{repository}/blobs/{digest}").content,
    )


def delete(core: Core, policy: Mapping[str, Any], repository: str, digest: str) -> None:
    target = renamed(policy, repository)
    with end(core, policy["dest"], target) as sink:
        answer = sink.delete(f"/v2/{target}/manifests/{digest}")
        if answer.status_code != 404:
            answer.raise_for_status()
