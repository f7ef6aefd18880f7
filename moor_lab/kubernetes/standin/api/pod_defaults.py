"""The defaults of pods and of templates of pods, and what admission adds to a pod; pure."""

from typing import Any

from ..objects import Object, clone, containers, dig

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def under(target: Object, defaults: Object) -> None:
    """Set missing keys."""
    for key, value in defaults.items():
        target.setdefault(key, value)


def fill_pod(obj: Object) -> None:
    """Add a pod's defaults, and the status of a new one."""
    spec = obj.setdefault("spec", {})
    fill_spec(spec)
    under(spec, {"enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority", "priority": 0})
    _tolerate(spec)
    under(obj.setdefault("status", {}), {"phase": "Pending", "qosClass": qos_class(spec)})


def _tolerate(spec: Object) -> None:
    """Add tolerations that keep a pod on a lost node for five minutes."""
    tolerations = spec.setdefault("tolerations", [])
    for state in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{state}"
        if not any(toleration.get("key") in (None, key) for toleration in tolerations):
            tolerations.append({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300})


def fill_template(owner_spec: Object) -> None:
    """Add the defaults of the pods that an object makes by its ``template``."""
    fill_spec(owner_spec.setdefault("template", {}).setdefault("spec", {}))


def fill_spec(spec: Object) -> None:
    """Add the defaults of a pod's spec."""
    under(
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
        _fill_container(container, bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes", []):
        _fill_volume(volume)


def _fill_volume(volume: Object) -> None:
    for source in ("secret", "configMap", "projected", "downwardAPI"):
        if source in volume:
            under(volume[source], {"defaultMode": 420})
    if "hostPath" in volume:
        under(volume["hostPath"], {"type": ""})
    if not any(key != "name" for key in volume):
        volume["emptyDir"] = {}


def _fill_container(container: Object, host_network: bool) -> None:
    under(
        container,
        {
            "imagePullPolicy": pull_policy(str(container.get("image", ""))),
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        },
    )
    for port in container.get("ports", []):
        under(port, {"protocol": "TCP"})
        if host_network:
            under(port, {"hostPort": port.get("containerPort")})
    for probe in (container[name] for name in PROBES if name in container):
        under(probe, {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1})
        if "httpGet" in probe:
            under(probe["httpGet"], {"path": "/", "scheme": "HTTP"})


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


def account_of(pod: Object) -> str:
    """Return the name of the service account that a pod runs as."""
    spec = pod["spec"]
    return str(spec.get("serviceAccountName") or spec.get("serviceAccount") or "default")


def admit_pod(pod: Object, account: Object | None) -> Object:
    """Return the pod with its service account's name and, unless the pod has some, the account's pull secrets."""
    out = clone(pod)
    spec = out["spec"]
    spec["serviceAccountName"] = spec["serviceAccount"] = account_of(pod)
    secrets: Any = dig(account, "imagePullSecrets")
    if secrets and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = clone({"of": secrets})["of"]
    return out
