"""A cluster of so many pods and images, in so many namespaces, and the registries that have the images."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.contenders.moor import write
from moor_lab.image_registry import ImageRegistry
from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.objects import Object
from moor_lab.kubernetes.standin.store import Store

OWN, OTHER = "registry.bench.test", "hub.bench.test"
ADDRESS = "192.0.2.5"  # in the inventory alone
ROBOT, PASSWORD = "puller", "Bench-Passw0rd"  # of a stand-in that lives as long as the measurement
NODES = 20
OWN_SHARE = 4  # of five images in the fleet's own registry
ENVIRONMENT = 25  # variables of each container, so that pods are as large as real ones


def registries() -> tuple[ImageRegistry, ImageRegistry]:
    """Return the fleet's own registry, which wants a login, and another one, where everybody may pull."""
    return (
        ImageRegistry(OWN, "token", passwords={ROBOT: PASSWORD}),
        ImageRegistry(OTHER, "token"),
    )


def image_of(number: int, own: ImageRegistry, other: ImageRegistry) -> tuple[ImageRegistry, str, str]:
    """Return where an image is, its repository, and its tag; every tenth is a second tag of the one before."""
    second = number % 10 == 9
    place = number - second
    where = own if place % (OWN_SHARE + 1) < OWN_SHARE else other
    return where, f"team-{place % 60:02}/app-{place}", "2" if second else "1"


def fill(store: Store, own: ImageRegistry, other: ImageRegistry, pods: int, images: int, namespaces: int) -> None:
    """Put everything into the cluster and the registries; all is as it should be."""
    known = []
    for number in range(images):
        where, repository, tag = image_of(number, own, other)
        if where is own:
            where.private[repository] = {ROBOT}
        known.append((f"{where.host}/{repository}:{tag}", where.put(repository, tag, content=tag)))
    for kind, obj in _objects(own, known, pods, namespaces):
        store.create(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **obj})


def _objects(
    own: ImageRegistry, images: list[tuple[str, str]], pods: int, namespaces: int
) -> Iterator[tuple[kinds.Kind, Object]]:
    for number in range(NODES):
        info = {"architecture": "amd64", "operatingSystem": "linux"}
        yield kinds.NODE, {"metadata": {"name": f"node-{number:02}"}, "status": {"nodeInfo": info}}
    auth = base64.b64encode(f"{ROBOT}:{PASSWORD}".encode()).decode()
    content = base64.b64encode(json.dumps({"auths": {own.host: {"auth": auth}}}).encode()).decode()
    for number in range(namespaces):
        place = {"name": "registry", "namespace": f"space-{number:02}"}
        yield kinds.SECRET, {
            "metadata": place, "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": content},
        }  # fmt: skip
        account = {"name": "default", "namespace": f"space-{number:02}"}
        yield kinds.SERVICE_ACCOUNT, {"metadata": account, "imagePullSecrets": [{"name": "registry"}]}
    for number, (image, _) in enumerate(images):
        place = {"name": f"app-{number}", "namespace": f"space-{number % namespaces:02}"}
        template = {"metadata": {"labels": {"app": f"app-{number}"}}, "spec": _pod_spec(image)}
        yield kinds.DEPLOYMENT, {"metadata": place, "spec": {"template": template}}
    for number in range(pods):
        app = number % len(images)
        yield kinds.POD, _pod(number, app, images[app], f"space-{app % namespaces:02}")


def _pod_spec(image: str) -> dict[str, Any]:
    variables = [{"name": f"SETTING_{one}", "value": f"the value of setting {one}"} for one in range(ENVIRONMENT)]
    container = {"name": "app", "image": image, "imagePullPolicy": "IfNotPresent", "env": variables}
    return {"containers": [container], "imagePullSecrets": [{"name": "registry"}], "serviceAccountName": "default"}


def _pod(number: int, app: int, image: tuple[str, str], namespace: str) -> Object:
    name, digest = image
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"app-{app}-5f6d", "uid": "u", "controller": True}
    labels = {"app": f"app-{app}", "pod-template-hash": "5f6d"}
    owned: dict[str, Any] = {f"f:field-{n}": {} for n in range(80)}
    fields = [{"manager": one, "operation": "Update", "fieldsV1": owned} for one in ("controller", "kubelet")]
    running = {"running": {"startedAt": "2026-11-28T10:00:00Z"}}
    known = {"name": "app", "image": name, "imageID": f"{name.rpartition(':')[0]}@{digest}", "state": running}
    metadata = {"name": f"app-{app}-5f6d-{number}", "namespace": namespace, "labels": labels,
                "ownerReferences": [owner], "managedFields": fields}  # fmt: skip
    spec = {**_pod_spec(name), "nodeName": f"node-{number % NODES:02}"}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Running", "containerStatuses": [known]}}


def make_site(folder: Path, port: int) -> Path:
    """Write a site of one control plane, whose registry is on a port; its CA and kubeconfig are beside it."""
    (folder / "inventory").mkdir(parents=True)
    data = {
        "registry": {"name": OWN, "address": ADDRESS, "port": port, "api": "distribution"},
        "pki": {"ca": "../registries-ca.crt"},
        "cluster": {"kubeconfig": "../kubeconfig"},
    }
    write(folder / "config.yaml", {})
    write(folder / "inventory/hosts.yaml", {"cp1": {"hostname": "192.0.2.1", "groups": ["control_plane"]}})
    write(folder / "inventory/groups.yaml", {"control_plane": {}})
    write(folder / "inventory/defaults.yaml", {"data": data})
    return folder
