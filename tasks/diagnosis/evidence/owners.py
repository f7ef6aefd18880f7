"""The owners of a pod, by its owner references; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

KubeObject = Mapping[str, Any]
Owner = tuple[str, str]  # kind and name
Owners = Mapping[tuple[str, str, str], Owner | None]  # by namespace, kind and name
BETWEEN = ("ReplicaSet", "Job")  # kinds that usually have an owner themselves


def controller_of(metadata: KubeObject) -> Owner | None:
    """Return the owner of an object that controls it, else its first owner; None if it has none."""
    references = metadata.get("ownerReferences") or []
    leading = next((entry for entry in references if entry.get("controller")), next(iter(references), None))
    return (str(leading.get("kind", "")), str(leading.get("name", ""))) if leading else None


def owners_of(pod: KubeObject, known: Owners) -> Iterator[Owner]:
    """Yield the owners of a pod, the nearest first.

    Args:
        known: owners of ReplicaSets and Jobs; for one that could not be read, the owner is guessed from its name
    """
    namespace = str(pod["metadata"].get("namespace", "default"))
    found = controller_of(pod["metadata"])
    if found is None:
        return
    yield found
    key = (namespace, *found)
    above = known[key] if key in known else _by_name(found, pod["metadata"].get("labels") or {})
    if above:
        yield above


def _by_name(found: Owner, labels: KubeObject) -> Owner | None:
    kind, name = found
    mark = str(labels.get("pod-template-hash", ""))
    if kind == "ReplicaSet" and mark and name.endswith(f"-{mark}"):
        return "Deployment", name.removesuffix(f"-{mark}")
    numbered = re.fullmatch(r"(.+)-\d{8,}", name)  # minutes since 1970, as the CronJob's controller names its Jobs
    return ("CronJob", numbered[1]) if kind == "Job" and numbered else None


def top_owner(pod: KubeObject, known: Owners) -> Owner:
    """Return the topmost owner of a pod, which is what users write; the pod itself if it has none."""
    return next(iter(reversed(list(owners_of(pod, known)))), ("Pod", str(pod["metadata"]["name"])))


def searchable_names(pod: KubeObject, known: Owners) -> set[str]:
    """Return every name that a user may give for a pod: its own, its owners', and its label app.kubernetes.io/name."""
    labels = pod["metadata"].get("labels") or {}
    own = {str(pod["metadata"]["name"]), *(name for _, name in owners_of(pod, known))}
    return own | {str(labels[key]) for key in ("app.kubernetes.io/name",) if labels.get(key)}
