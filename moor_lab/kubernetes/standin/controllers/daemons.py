"""The pods of daemon sets: each is bound to its node by affinity, and tolerates what ails the node; pure."""

import random

from ..objects import Object, clone, dig, name_of, namespace_of, owner_reference
from .revisions import LABEL

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
GENERATION = "pod-template-generation"
EXECUTING = ("not-ready", "unreachable")
SCHEDULING = ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def with_tolerations(spec: Object) -> Object:
    """Return a pod's spec with the tolerations that keep a daemon on a node in trouble."""
    effects = [*((name, "NoExecute") for name in EXECUTING), *((name, "NoSchedule") for name in SCHEDULING)]
    if spec.get("hostNetwork"):
        effects.append(("network-unavailable", "NoSchedule"))
    own = [{"effect": how, "key": f"node.kubernetes.io/{name}", "operator": "Exists"} for name, how in effects]
    given = spec.get("tolerations", [])
    return spec | {"tolerations": [*given, *(one for one in own if one not in given)]}


def new_pod(owner: Object, node: str, hashed: str) -> Object:
    """Return a daemon set's pod for a node."""
    template = clone(owner["spec"]["template"])
    prefix = f"{name_of(owner)}-"
    labels = {LABEL: hashed, GENERATION: str(owner["metadata"]["generation"])}
    metadata = template.get("metadata", {})
    metadata |= {
        "generateName": prefix,
        "name": prefix + "".join(random.choices(ALPHABET, k=5)),  # noqa: S311
        "namespace": namespace_of(owner),
        "labels": metadata.get("labels", {}) | labels,
        "ownerReferences": [owner_reference("apps/v1", "DaemonSet", owner)],
    }
    return {"metadata": metadata, "spec": with_affinity(with_tolerations(template["spec"]), node)}


def with_affinity(spec: Object, node: str) -> Object:
    """Return a pod's spec that only this node satisfies."""
    mine = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity = clone(spec.get("affinity") or {})
    required = affinity.setdefault("nodeAffinity", {}).setdefault(REQUIRED, {})
    terms = required.get("nodeSelectorTerms") or [{}]
    required["nodeSelectorTerms"] = [term | mine for term in terms]
    return spec | {"affinity": affinity}


def node_of(pod: Object) -> str:
    """Return the name of the node that a daemon's pod runs on or is meant for."""
    terms = dig(pod, "spec", "affinity", "nodeAffinity", REQUIRED, "nodeSelectorTerms") or []
    meant = dig(terms, 0, "matchFields", 0, "values", 0)
    return str(pod["spec"].get("nodeName") or meant or "")
