"""Records of pushes and pulls in the database."""

import json
from collections.abc import Callable
from typing import Any

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.repositories import add_tag
from moor_lab.harbor.core.store import Conflict, Record, Store

CONFIG = "application/vnd.oci.image.config.v1+json"


def record_push(
    store: Store,
    project: Record,
    repository: str,
    digest: str,
    tag: str,
    manifest: bytes,
    read_blob: Callable[[str], bytes],
) -> None:
    """Record a push that docker-registry accepted; ``read_blob`` reads a blob by digest."""
    home = _once(store, "repository", repository, _repository(project))
    body = _described(json.loads(manifest), read_blob)
    body["blobs"][digest] = len(manifest)
    body |= {"digest": digest, "project_id": project.id, "repository_id": home.id}
    body |= {"push_time": now(), "pull_time": NEVER, "size": sum(body["blobs"].values())}
    if subject := subject_in(manifest):
        body |= {"subject": subject, "entry": _entry(json.loads(manifest), digest, len(manifest))}
    artifact = _once(store, "artifact", f"{repository}@{digest}", body)
    if tag:
        move_tag(store, artifact, repository, tag)


def subject_in(manifest: bytes) -> str:
    """Return the digest of what a manifest refers to; empty if it refers to nothing."""
    return str((json.loads(manifest).get("subject") or {}).get("digest") or "")


def _entry(manifest: dict[str, Any], digest: str, size: int) -> dict[str, Any]:
    """Return the entry of a manifest in the list of what refers to its subject."""
    kind = manifest.get("artifactType") or (manifest.get("config") or {}).get("mediaType", "")
    entry = {"mediaType": manifest.get("mediaType", ""), "digest": digest, "size": size, "artifactType": kind}
    return entry | ({"annotations": manifest["annotations"]} if manifest.get("annotations") else {})


def _once(store: Store, kind: str, name: str, body: dict[str, Any]) -> Record:
    """Return the record of a name; create it if it is missing."""
    found = store.find(kind, name)
    if found:
        return found
    try:
        return store.add(kind, name, body)
    except Conflict:
        return _once(store, kind, name, body)


def _repository(project: Record) -> dict[str, Any]:
    return {"project_id": project.id, "pull_count": 0, "creation_time": now(), "update_time": now()}


def _described(manifest: dict[str, Any], read_blob: Callable[[str], bytes]) -> dict[str, Any]:
    """Return Harbor's fields of an artifact from its manifest and configuration, which an index lacks."""
    kind = manifest.get("mediaType", "application/vnd.oci.image.manifest.v1+json")
    if "config" not in manifest:
        children = [{"child_digest": one["digest"], "platform": one.get("platform")} for one in manifest["manifests"]]
        described = {"extra_attrs": None, "media_type": kind, "references": children, "blobs": {}}
        return described | {"manifest_media_type": kind, "type": "IMAGE"}
    config = json.loads(read_blob(manifest["config"]["digest"]))
    return {
        "blobs": {one["digest"]: one["size"] for one in (manifest["config"], *manifest["layers"])},
        "extra_attrs": {
            "architecture": config.get("architecture", ""),
            "author": config.get("author", ""),
            "config": config.get("config") or {},
            "created": config.get("created", NEVER),
            "os": config.get("os", ""),
        },
        "manifest_media_type": kind,
        "media_type": manifest["config"].get("mediaType", CONFIG),
        "references": None,
        "type": "IMAGE",
    }


def move_tag(store: Store, artifact: Record, repository: str, name: str) -> None:
    """Make the tag ``name`` point at ``artifact``."""
    try:
        add_tag(store, artifact, name)
    except Conflict:
        tag = store.find("tag", f"{repository}:{name}")
        if tag is None:
            add_tag(store, artifact, name)
        elif tag.body["artifact_id"] != artifact.id:
            tag.body |= {"artifact_id": artifact.id, "push_time": now()}
            store.put(tag)


def record_pull(store: Store, repository: Record, artifact: Record, reference: str) -> None:
    """Count a pull and record its time; Harbor does so with up to ten seconds delay."""
    repository.body["pull_count"] += 1
    artifact.body["pull_time"] = now()
    for record in (repository, artifact):
        store.put(record)
    tag = store.find("tag", f"{repository.name}:{reference}")
    if tag:
        tag.body["pull_time"] = artifact.body["pull_time"]
        store.put(tag)
