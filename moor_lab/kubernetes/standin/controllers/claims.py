"""Volume claims: bound at once, as a provisioner of directories on nodes would; a pod's node gets the directory."""

from .. import kinds
from ..objects import Object, clone, dig, name_of, uid_of
from .snapshot import Actions, Replace, Snapshot, is_leaving

SELECTED = "volume.kubernetes.io/selected-node"
"""The annotation of a claim with the node that has its directory."""


def plan(snapshot: Snapshot) -> Actions:
    """Bind every claim, and note the node of its first pod."""
    nodes = _nodes(snapshot)
    for claim in snapshot.of(kinds.CLAIM):
        if is_leaving(claim):
            continue
        if dig(claim, "status", "phase") != "Bound":
            yield from _bound(claim)
        node = nodes.get((claim["metadata"]["namespace"], name_of(claim)))
        if node and not dig(claim, "metadata", "annotations", SELECTED):
            out = clone(claim)
            out["metadata"].setdefault("annotations", {})[SELECTED] = node
            yield Replace(kinds.CLAIM, out)


def _bound(claim: Object) -> Actions:
    if not claim["spec"].get("volumeName"):
        out = clone(claim)
        out["spec"]["volumeName"] = f"pvc-{uid_of(claim)}"
        yield Replace(kinds.CLAIM, out)
        return
    out = clone(claim)
    asked = claim["spec"]["resources"]["requests"]["storage"]
    out["status"] = {"phase": "Bound", "accessModes": claim["spec"]["accessModes"], "capacity": {"storage": asked}}
    yield Replace(kinds.CLAIM, out, status=True)


def claim_names(pod: Object) -> list[str]:
    """Return the claims that a pod's volumes name."""
    volumes = pod["spec"].get("volumes", [])
    return [one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one]


def _nodes(snapshot: Snapshot) -> dict[tuple[str, str], str]:
    """Return the node of each claim that a placed pod uses."""
    return {
        (pod["metadata"]["namespace"], name): pod["spec"]["nodeName"]
        for pod in snapshot.of(kinds.POD)
        if pod["spec"].get("nodeName")
        for name in claim_names(pod)
    }
