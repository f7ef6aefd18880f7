"""The defaults that the API server adds before it stores an object; pure."""

import base64
import zlib
from collections.abc import Callable

from .. import kinds
from ..kinds import Kind
from ..objects import Object, clone, dig
from .pod_defaults import fill_pod, under
from .workload_defaults import (
    fill_cron_job,
    fill_daemon_set,
    fill_deployment,
    fill_job,
    fill_replica_set,
    fill_stateful_set,
    with_selector,
)

EXPOSED = ("NodePort", "LoadBalancer")
"""Types of services that have a port on every node."""

HEADLESS = "None"
NODE_PORTS = range(30000, 32768)


def with_defaults(kind: Kind, obj: Object) -> Object:
    """Return the object with every default that its kind has."""
    out = clone(obj)
    fill = _FILL.get(kind)
    if fill:
        fill(out)
    return out


def allocated(kind: Kind, obj: Object, old: Object | None) -> Object:
    """Return the object with what the server chooses for it once: a job's selector, a service's addresses.

    Args:
        old: the stored object, whose choices stay
    """
    out = clone(obj)
    if kind == kinds.JOB and old is None:
        with_selector(out)
    if kind == kinds.SERVICE:
        _allocate(out, old)
    return out


def _namespace(obj: Object) -> None:
    obj.setdefault("metadata", {}).setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    under(obj.setdefault("status", {}), {"phase": "Active"})


def _secret(obj: Object) -> None:
    obj.setdefault("type", "Opaque")
    plain = obj.pop("stringData", {})
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = obj.get("data", {}) | encoded


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    under(spec, {"type": "ClusterIP", "sessionAffinity": "None"})
    if spec["type"] != "ExternalName":
        under(spec, {"internalTrafficPolicy": "Cluster"})
    if spec["type"] in EXPOSED:
        under(spec, {"externalTrafficPolicy": "Cluster"})
    if spec["type"] == "LoadBalancer":
        under(spec, {"allocateLoadBalancerNodePorts": True})
    for port in spec.get("ports", []):
        under(port, {"protocol": "TCP", "targetPort": port.get("port")})
    obj.setdefault("status", {}).setdefault("loadBalancer", {})


def _allocate(service: Object, old: Object | None) -> None:
    """Choose a service's address and node ports from its uid, so that a dry run names them too."""
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        return
    seed = zlib.crc32(str(service["metadata"].get("uid", "")).encode())
    address = f"10.{96 + seed % 16}.{seed // 16 % 256}.{1 + seed // 4096 % 254}"
    spec.setdefault("clusterIP", dig(old, "spec", "clusterIP") or address)
    under(spec, {"clusterIPs": [spec["clusterIP"]], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"})
    if spec["type"] in EXPOSED:
        before = {port.get("port"): port.get("nodePort") for port in dig(old, "spec", "ports") or []}
        for index, port in enumerate(spec.get("ports", [])):
            chosen = before.get(port.get("port")) or NODE_PORTS[(seed + index) % len(NODE_PORTS)]
            port.setdefault("nodePort", chosen)


def _claim(obj: Object) -> None:
    under(obj.setdefault("spec", {}), {"volumeMode": "Filesystem"})
    under(obj.setdefault("status", {}), {"phase": "Pending"})


def _autoscaler(obj: Object) -> None:
    under(obj.setdefault("spec", {}), {"minReplicas": 1})
    under(obj.setdefault("status", {}), {"desiredReplicas": 0})


def _network_policy(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("policyTypes", ["Ingress", *(["Egress"] if spec.get("egress") else [])])


def _role_binding(obj: Object) -> None:
    obj.setdefault("roleRef", {}).setdefault("apiGroup", kinds.RBAC)
    for subject in obj.get("subjects") or []:
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", kinds.RBAC)


_FILL: dict[Kind, Callable[[Object], None]] = {
    kinds.AUTOSCALER: _autoscaler,
    kinds.CLAIM: _claim,
    kinds.CLUSTER_ROLE_BINDING: _role_binding,
    kinds.CRON_JOB: fill_cron_job,
    kinds.DAEMON_SET: fill_daemon_set,
    kinds.DEPLOYMENT: fill_deployment,
    kinds.JOB: fill_job,
    kinds.NAMESPACE: _namespace,
    kinds.NETWORK_POLICY: _network_policy,
    kinds.POD: fill_pod,
    kinds.REPLICA_SET: fill_replica_set,
    kinds.ROLE_BINDING: _role_binding,
    kinds.SECRET: _secret,
    kinds.SERVICE: _service,
    kinds.STATEFUL_SET: fill_stateful_set,
}
