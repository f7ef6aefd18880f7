"""The columns that ``kubectl get`` prints of each kind, beside name and age."""

from collections.abc import Callable
from datetime import UTC, datetime

from ..objects import Object, dig, is_true, parse_time

Row = dict[str, str]


def age(since: str, instant: datetime) -> str:
    """Return an age in the largest unit that is precise enough."""
    seconds = max(0, int((instant - parse_time(since)).total_seconds()))
    for unit, length, least in (("d", 86400, 2 * 86400), ("h", 3600, 3 * 3600), ("m", 60, 120)):
        if seconds >= least:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _pod(pod: Object) -> Row:
    statuses = dig(pod, "status", "containerStatuses") or []
    ready = sum(1 for one in statuses if one.get("ready"))
    return {
        "Ready": f"{ready}/{len(pod['spec']['containers'])}",
        "Status": _pod_state(pod, statuses),
        "Restarts": str(sum(one.get("restartCount", 0) for one in statuses)),
        "IP": dig(pod, "status", "podIP") or "<none>",
        "Node": pod["spec"].get("nodeName") or "<none>",
    }


def _pod_state(pod: Object, statuses: list[Object]) -> str:
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for one in statuses:
        for state in ("waiting", "terminated"):
            reason = dig(one, "state", state, "reason")
            if reason:
                return str(reason)
    return str(dig(pod, "status", "phase"))


def _deployment(obj: Object) -> Row:
    status = obj.get("status", {})
    return {
        "Ready": f"{status.get('readyReplicas', 0)}/{obj['spec']['replicas']}",
        "Up-to-date": str(status.get("updatedReplicas", 0)),
        "Available": str(status.get("availableReplicas", 0)),
    }


def _replica_set(obj: Object) -> Row:
    status = obj.get("status", {})
    return {
        "Desired": str(obj["spec"]["replicas"]),
        "Current": str(status.get("replicas", 0)),
        "Ready": str(status.get("readyReplicas", 0)),
    }


def _node(node: Object) -> Row:
    state = "Ready" if is_true(node, "Ready") else "NotReady"
    roles = [label.rpartition("/")[2] for label in dig(node, "metadata", "labels") or {} if "node-role" in label]
    info = dig(node, "status", "nodeInfo") or {}
    return {
        "Status": state + (",SchedulingDisabled" if dig(node, "spec", "unschedulable") else ""),
        "Roles": ",".join(roles) or "<none>",
        "Version": info.get("kubeletVersion", ""),
        "OS-Image": info.get("osImage", ""),
        "Container-Runtime": info.get("containerRuntimeVersion", ""),
    }


def _event(event: Object) -> Row:
    seen = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    target = event["involvedObject"]
    return {
        "Last Seen": age(seen, datetime.now(UTC)),
        "Type": event.get("type", ""),
        "Reason": event.get("reason", ""),
        "Object": f"{target.get('kind', '').lower()}/{target.get('name', '')}",
        "Message": event.get("message", ""),
    }


def _stateful_set(obj: Object) -> Row:
    return {"Ready": f"{obj.get('status', {}).get('readyReplicas', 0)}/{obj['spec']['replicas']}"}


def _daemon_set(obj: Object) -> Row:
    counts = {
        "Desired": "desiredNumberScheduled",
        "Current": "currentNumberScheduled",
        "Ready": "numberReady",
        "Up-to-date": "updatedNumberScheduled",
        "Available": "numberAvailable",
    }
    selector = dig(obj, "spec", "template", "spec", "nodeSelector") or {}
    row = {title: str(obj.get("status", {}).get(field, 0)) for title, field in counts.items()}
    return row | {"Node Selector": ",".join(f"{key}={value}" for key, value in selector.items()) or "<none>"}


def _job(obj: Object) -> Row:
    state = next((kind for kind in ("Complete", "Failed", "Suspended") if is_true(obj, kind)), "Running")
    wanted = obj["spec"].get("completions", 1)
    return {"Status": state, "Completions": f"{obj.get('status', {}).get('succeeded', 0)}/{wanted}"}


def _cron_job(obj: Object) -> Row:
    last = dig(obj, "status", "lastScheduleTime")
    return {
        "Schedule": obj["spec"]["schedule"],
        "Timezone": obj["spec"].get("timeZone", "<none>"),
        "Suspend": str(obj["spec"]["suspend"]),
        "Active": str(len(dig(obj, "status", "active") or [])),
        "Last Schedule": age(last, datetime.now(UTC)) if last else "<none>",
    }


def _service(obj: Object) -> Row:
    spec = obj["spec"]
    ports = [f"{one['port']}/{one['protocol']}" for one in spec.get("ports", [])]
    row = {"Type": spec["type"], "Cluster-IP": spec.get("clusterIP", "<none>"), "External-IP": "<none>"}
    return row | {"Port(s)": ",".join(ports) or "<none>"}


def _claim(obj: Object) -> Row:
    status = obj.get("status", {})
    return {
        "Status": status.get("phase", ""),
        "Volume": obj["spec"].get("volumeName", ""),
        "Capacity": dig(status, "capacity", "storage") or "",
    }


COLUMNS: dict[str, Callable[[Object], Row]] = {
    "ConfigMap": lambda obj: {"Data": str(len(obj.get("data", {})) + len(obj.get("binaryData", {})))},
    "CronJob": _cron_job,
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "Event": _event,
    "Job": _job,
    "Namespace": lambda obj: {"Status": str(dig(obj, "status", "phase"))},
    "Node": _node,
    "PersistentVolumeClaim": _claim,
    "Pod": _pod,
    "ReplicaSet": _replica_set,
    "Secret": lambda obj: {"Type": obj["type"], "Data": str(len(obj.get("data", {})))},
    "Service": _service,
    "StatefulSet": _stateful_set,
}
