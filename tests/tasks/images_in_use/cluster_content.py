"""What a cluster of the tests has: pods that run images, and the objects around them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.api.cluster import Cluster

Tree = dict[str, Any]


def pull_secret(registry: str, user: str, password: str) -> Tree:
    """Return type and data of a pull secret with one login."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    return docker_config({"auths": {registry: {"auth": auth}}})


def docker_config(content: object) -> Tree:
    data = base64.b64encode(json.dumps(content).encode()).decode()
    return {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": data}}


@dataclass
class Filling:
    """Puts objects into a cluster of the stand-in, as they would be after everybody has done their work."""

    cluster: Cluster

    def put(self, kind: kinds.Kind, name: str, namespace: str = "", **rest: Any) -> None:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **rest.pop("metadata", {})}
        self.cluster.store.create(
            kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **rest}
        )

    def node(self, name: str, machine: str = "amd64") -> None:
        self.put(kinds.NODE, name, status={"nodeInfo": {"architecture": machine, "operatingSystem": "linux"}})

    def secret(self, namespace: str, name: str, content: Tree) -> None:
        self.put(kinds.SECRET, name, namespace, **content)

    def pod(
        self,
        name: str,
        image: str,
        digest: str,
        *,
        namespace: str = "shop",
        node: str = "node1",
        secrets: tuple[str, ...] = (),
        owner: tuple[str, str] = ("", ""),
        **container: Any,
    ) -> None:
        """Add a pod of one container that runs the image with this digest; with an empty one it does not run."""
        metadata: Tree = {}
        if owner[0]:
            reference = {"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1], "uid": name, "controller": True}
            metadata = {"labels": {"pod-template-hash": "5f6d"}, "ownerReferences": [reference]}
        spec = {
            "containers": [{"name": "c", "image": image, **container}],
            "imagePullSecrets": [{"name": one} for one in secrets],
            "nodeName": node,
        }
        running = {"state": {"running": {"startedAt": "2026-11-28T10:00:00Z"}}}
        known = {"name": "c", "image": image, "imageID": f"{image.partition('@')[0]}@{digest}", **running}
        status = {"phase": "Running", "containerStatuses": [known]} if digest else {"phase": "Pending"}
        self.put(kinds.POD, name, namespace, metadata=metadata, spec=spec, status=status)

    def workload(self, kind: kinds.Kind, name: str, image: str, *, namespace: str = "shop", **rest: Any) -> None:
        """Add anything that makes pods; ``rest`` are its other parts, such as its status."""
        spec: Tree = {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}
        spec = {"jobTemplate": {"spec": spec}} if kind is kinds.CRON_JOB else spec
        self.put(kind, name, namespace, spec=spec, **rest)

    def deployment(self, name: str, image: str, *, namespace: str = "shop", **spec: Any) -> None:
        template = {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": image}], **spec},
        }
        self.put(kinds.DEPLOYMENT, name, namespace, spec={"replicas": 0, "template": template})
