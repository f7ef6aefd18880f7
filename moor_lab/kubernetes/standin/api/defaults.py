"""The defaults that the API server adds before it stores an object; pure."""

import base64
from collections.abc import Callable
from typing import Any

from .. import kinds
from ..kinds import Kind
from ..objects import Object, clone, containers, dig

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def with_defaults(kind: Kind, obj: Object) -> Object:
    """Return the object with every default that its kind has."""
    out = clone(obj)
    fill = _FILL.get(kind)
    if fill:
        fill(out)
    return out


def _under(target: Object, defaults: Object) -> None:
    """Set missing keys."""
    for key, value in defaults.items():
        target.setdefault(key, value)


def _namespace(obj: Object) -> None:
    obj.setdefault("metadata", {}).setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    _under(obj.setdefault("status", {}), {"phase": "Active"})


def _secret(obj: Object) -> None:
    obj.setdefault("type", "Opaque")
    plain = obj.pop("stringData", {})
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = obj.get("data", {}) | encoded


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _under(spec, {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"})
    for port in spec.get("ports", []):
        _under(port, {"protocol": "TCP", "targetPort": port.get("port")})


def _deployment(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _under(spec, {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "strategy": {}})
    strategy = spec["strategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _under(strategy.setdefault("rollingUpdate", {}), {"maxSurge": "25%", "maxUnavailable": "25%"})
    _pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))


def _replica_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    _pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))


def _pod(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _pod_spec(spec)
    _under(spec, {"enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority", "priority": 0})
    _tolerate(spec)
    _under(obj.setdefault("status", {}), {"phase": "Pending", "qosClass": qos_class(spec)})


def _tolerate(spec: Object) -> None:
    """Add tolerations that keep a pod on a lost node for five minutes."""
    tolerations = spec.setdefault("tolerations", [])
    for state in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{state}"
        if not any(toleration.get("key") in (None, key) for toleration in tolerations):
            tolerations.append({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300})


def _pod_spec(spec: Object) -> None:
    _under(
        spec,
        {
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        },
    )
    for container in containers(spec):
        _container(container, bool(spec.get("hostNetwork")))


def _container(container: Object, host_network: bool) -> None:
    _under(
        container,
        {
            "imagePullPolicy": pull_policy(str(container.get("image", ""))),
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        },
    )
    for port in container.get("ports", []):
        _under(port, {"protocol": "TCP"})
        if host_network:
            _under(port, {"hostPort": port.get("containerPort")})
    for probe in (container[name] for name in PROBES if name in container):
        _under(probe, {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1})
        if "httpGet" in probe:
            _under(probe["httpGet"], {"path": "/", "scheme": "HTTP"})


def pull_policy(image: str) -> str:
    """Return the default pull policy: Always for ``:latest`` or without a tag."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if not digest and tag in ("", "latest") else "IfNotPresent"


def qos_class(spec: Object) -> str:
    """Return the QoS class: BestEffort without requests and limits, Guaranteed if all are equal, else Burstable."""
    wanted = [container.get("resources", {}) for container in containers(spec)]
    if not any(part.get("requests") or part.get("limits") for part in wanted):
        return "BestEffort"
    full = all(
        {"cpu", "memory"} <= set(part.get("limits", {})) and part.get("requests", part["limits"]) == part["limits"]
        for part in wanted
    )
    return "Guaranteed" if full else "Burstable"


def admit_pod(pod: Object, account: Object | None) -> Object:
    """Return the pod with its service account's name and, unless the pod has some, the account's pull secrets."""
    out = clone(pod)
    spec = out["spec"]
    name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    secrets: Any = dig(account, "imagePullSecrets")
    if secrets and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = clone({"of": secrets})["of"]
    return out


_FILL: dict[Kind, Callable[[Object], None]] = {
    kinds.NAMESPACE: _namespace,
    kinds.SECRET: _secret,
    kinds.SERVICE: _service,
    kinds.DEPLOYMENT: _deployment,
    kinds.REPLICA_SET: _replica_set,
    kinds.POD: _pod,
}
