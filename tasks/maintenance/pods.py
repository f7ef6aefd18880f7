"""Which pods of a node are evicted, stay, or must not be touched; pure.

References:
    kubernetes.io, Safely Drain a Node; API-initiated Eviction
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moor.tasks.maintenance.settings import Drain

MIRROR = "kubernetes.io/config.mirror"  # the annotation of a static pod's image in the API
ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, order=True)
class PodName:
    """A pod; another one may come by the same name, and has another uid."""

    namespace: str
    name: str
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class SortedPods:
    """The pods of a node.

    Attributes:
        leaving: those that are evicted, or are being deleted already.
        refused: those that must not be evicted, with the reason.
    """

    leaving: tuple[PodName, ...]
    refused: Mapping[PodName, str]


def sort_pods(pods: Iterable[Mapping[str, Any]], drain: Drain) -> SortedPods:
    """Sort the pods of a node as ``kubectl drain`` does; those of DaemonSets and static ones stay."""
    leaving: list[PodName] = []
    refused: dict[PodName, str] = {}
    for pod in pods:
        if stays(pod):
            continue
        if words := _refusal(pod, drain):
            refused[name_of(pod)] = words
        else:
            leaving.append(name_of(pod))
    return SortedPods(tuple(leaving), refused)


def name_of(pod: Mapping[str, Any]) -> PodName:
    """Return the name of a pod."""
    metadata = pod.get("metadata") or {}
    return PodName(str(metadata.get("namespace")), str(metadata.get("name")), str(metadata.get("uid") or ""))


def stays(pod: Mapping[str, Any]) -> bool:
    """Return whether a pod belongs to its node: it is a static one, or a DaemonSet's that has not ended."""
    if MIRROR in ((pod.get("metadata") or {}).get("annotations") or {}):
        return True
    return (_controller(pod) or {}).get("kind") == "DaemonSet" and not _has_ended(pod)


def _refusal(pod: Mapping[str, Any], drain: Drain) -> str:
    """Return why a pod must not be evicted; empty if it may."""
    if _has_ended(pod) or (pod.get("metadata") or {}).get("deletionTimestamp"):
        return ""
    if _controller(pod) is None and not drain.unmanaged:
        return "no controller would make it again; allow it by drain: {unmanaged: true}"
    volumes = (pod.get("spec") or {}).get("volumes") or []
    if any(volume.get("emptyDir") is not None for volume in volumes) and not drain.empty_dir:
        return "the data in its emptyDir would be lost; allow it by drain: {empty_dir: true}"
    return ""


def _has_ended(pod: Mapping[str, Any]) -> bool:
    return (pod.get("status") or {}).get("phase") in ENDED


def _controller(pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    owners = (pod.get("metadata") or {}).get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)
