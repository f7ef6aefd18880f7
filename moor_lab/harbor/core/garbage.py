"""Garbage collection: untagged artifacts where they are to go, manifests that were deleted, then blobs without any."""

from moor_lab.harbor.core.repositories import remove_artifact, tags_of
from moor_lab.harbor.core.service import Call
from moor_lab.harbor.core.store import Store

GONE = (202, 404)


def collect(call: Call, *, untagged: bool, dry_run: bool) -> tuple[bool, str]:
    """Collect garbage; return whether it could, and the log."""
    if not dry_run:
        if untagged:
            _remove_untagged(call.store)
        if refused := _delete_manifests(call):
            return False, "".join(f"the registry keeps {name}\n" for name in refused)
    return call.core.collector(dry_run)


def _remove_untagged(store: Store) -> None:
    """Remove the artifacts that have no tag and are in no index."""
    artifacts = store.all("artifact")
    children = {one["child_digest"] for artifact in artifacts for one in artifact.body["references"] or ()}
    for artifact in artifacts:
        if artifact.body["digest"] not in children and not tags_of(store, artifact):
            remove_artifact(store, artifact)


def _delete_manifests(call: Call) -> list[str]:
    """Delete from the registry what was deleted here and not pushed again; return what the registry keeps."""
    kept = []
    for trash in call.store.all("trash"):
        repository, _, digest = trash.name.partition("@")
        if call.store.find("artifact", trash.name) is None:
            access = [{"type": "repository", "name": repository, "actions": ["pull", "delete"]}]
            token = call.core.tokens.issue("harbor-jobservice", access)
            headers = {"Authorization": f"Bearer {token}"}
            if (
                call.core.registry.delete(f"/v2/{repository}/manifests/{digest}", headers=headers).status_code
                not in GONE
            ):
                kept.append(trash.name)
                continue
        call.store.remove(trash)
    return kept
