"""The pods by which kubelets pull images before a roll-out; pure.

kubelet pulls, by the workload's own pull secret, since from Kubernetes 1.35 on an image that anybody else has pulled
may be used by every pod of the node, without a pull secret. The pod's command is a file that no image has: it runs
nothing of the image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Tree = dict[str, Any]

LABEL = "moor/pre-pull"
COMMAND = "/moor-pulls-only"
IN_VAIN = ("InvalidImageName", "ErrImageNeverPull")  # waiting does not help
FAILING = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed", *IN_VAIN)
# Reasons of a container that waits although its image is there.
PULLED = ("CreateContainerError", "CreateContainerConfigError", "RunContainerError", "CrashLoopBackOff", "StartError")
SMALL = {"cpu": "1m", "memory": "16Mi"}  # for quotas and limits that want some


@dataclass(frozen=True)
class Wanted:
    """The images of the pods of one object, with what they are pulled by."""

    images: tuple[str, ...]
    secrets: tuple[str, ...]
    account: str = ""


def wanted_of(spec: Mapping[str, Any]) -> Wanted:
    """Return the images of a pod's spec, each once, with its pull secrets and its ServiceAccount."""
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    images = dict.fromkeys(str(one.get("image") or "") for one in containers)
    secrets = [str(one.get("name") or "") for one in spec.get("imagePullSecrets") or []]
    return Wanted(tuple(filter(None, images)), tuple(secrets), str(spec.get("serviceAccountName") or ""))


def pull_pod(workload: str, namespace: str, node: str, wanted: Wanted, deadline_s: int) -> Tree:
    """Return the pod by which a node pulls images; it fits a namespace under PodSecurity ``restricted``.

    Args:
        deadline_s: after which kubelet ends it, should nobody else
    """
    mark = hashlib.sha256(f"{workload} {node} {wanted}".encode()).hexdigest()[:12]
    containers = [
        {
            "name": f"image-{number}",
            "image": image,
            "imagePullPolicy": "Always",  # so that kubelet checks the login even where the image is there already
            "command": [COMMAND],
            "resources": {"requests": SMALL, "limits": SMALL},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
        }
        for number, image in enumerate(wanted.images)
    ]
    spec: Tree = {
        "nodeName": node,
        "restartPolicy": "Never",
        "activeDeadlineSeconds": deadline_s,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": name} for name in wanted.secrets],
        "tolerations": [{"operator": "Exists"}],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": containers,
    }
    if wanted.account:
        spec["serviceAccountName"] = wanted.account
    labels = {"app.kubernetes.io/managed-by": "moor", LABEL: label_of(workload)}
    # meshes would add containers with images of their own
    labels |= {"sidecar.istio.io/inject": "false"}
    metadata = {"name": f"moor-pre-pull-{mark}", "namespace": namespace, "labels": labels}
    metadata["annotations"] = {"linkerd.io/inject": "disabled"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def label_of(workload: str) -> str:
    """Return a workload's name as a label's value, which may have 63 characters."""
    if len(workload) <= 63:
        return workload
    return f"{workload[:50].rstrip('.-')}-{hashlib.sha256(workload.encode()).hexdigest()[:8]}"


def outcome_of(pod: Mapping[str, Any]) -> tuple[bool, str]:
    """Return whether all images of a pod are pulled, and kubelet's words about one that cannot be pulled."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    known = {str(one.get("name")): one for one in status.get("containerStatuses") or []}
    states = [known.get(str(one["name"])) or {} for one in spec.get("containers") or []]
    waiting = [(one.get("state") or {}).get("waiting") or {} for one in states]
    words = next((_words(one) for one in waiting if one.get("reason") in FAILING), "")
    if not words and status.get("phase") == "Failed" and not known:
        words = f"{status.get('reason') or 'Failed'}: {status.get('message') or 'kubelet did not take the pod'}"
    return bool(states) and all(map(_is_pulled, states)), words


def _words(waiting: Mapping[str, Any]) -> str:
    return f"{waiting.get('reason')}: {waiting.get('message') or 'kubelet gives no reason'}"


def _is_pulled(state: Mapping[str, Any]) -> bool:
    found = state.get("state") or {}
    waiting = found.get("waiting") or {}
    last = (state.get("lastState") or {}).get("terminated")
    ended = found.get("terminated") or {}
    if ended.get("reason") == "ContainerStatusUnknown" or (ended and not (state.get("imageID") or last or _ran(ended))):
        return False
    return bool(ended or "running" in found or last or waiting.get("reason") in PULLED)


def _ran(ended: Mapping[str, Any]) -> bool:
    return ended.get("reason") in ("StartError", "ContainerCannotRun", "Error", "Completed")


def is_in_vain(words: str) -> bool:
    """Return whether waiting would not help."""
    return words.startswith(IN_VAIN)


def chosen_nodes(
    nodes: Iterable[Mapping[str, Any]], names: Iterable[str], labels: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return the names of the chosen nodes that are ready, and why others of them are left out."""
    wanted, found, left_out = list(names), list[str](), list[str]()
    known = {str(node["metadata"]["name"]): node for node in nodes}
    left_out += [f"the cluster has no node {name}" for name in wanted if name not in known]
    for name, node in sorted(known.items()):
        own = node["metadata"].get("labels") or {}
        if (wanted and name not in wanted) or any(own.get(key) != value for key, value in labels.items()):
            continue
        conditions = (node.get("status") or {}).get("conditions") or []
        ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
        if ready:
            found.append(name)
        else:
            left_out.append(f"node {name} is not ready")
    return found, left_out
