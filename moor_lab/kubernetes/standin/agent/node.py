"""The node object: its status and its heartbeat."""

import os
import platform
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .. import VERSION
from ..objects import Object, set_condition, timestamp

HEALTHY = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Identity:
    """The identity of this node from its configuration file."""

    name: str
    address: str
    labels: dict[str, str]
    taints: list[Object]


def machine() -> str:
    """Return the machine's architecture as Go calls it."""
    return MACHINES.get(platform.machine(), platform.machine())


def new_node(identity: Identity) -> Object:
    """Return the node's object, without its status."""
    common = {"arch": machine(), "os": "linux"}
    labels = {f"{prefix}kubernetes.io/{key}": value for prefix in ("", "beta.") for key, value in common.items()}
    labels["kubernetes.io/hostname"] = identity.name
    return {
        "metadata": {"name": identity.name, "labels": labels | identity.labels},
        "spec": {"taints": identity.taints} if identity.taints else {},
    }


def status_of(identity: Identity, runtime: str, up: bool, old: list[Object], now: datetime) -> Object:
    """Return the node's status. ``runtime`` is containerd's version, ``old`` the conditions so far."""
    capacity = _capacity()
    return {
        "addresses": [
            {"type": "InternalIP", "address": identity.address},
            {"type": "Hostname", "address": identity.name},
        ],
        "allocatable": capacity,
        "capacity": capacity,
        "conditions": _conditions(up, old, now),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": _info(runtime),
    }


def _conditions(up: bool, old: list[Object], now: datetime) -> list[Object]:
    ready = ("Ready", "KubeletReady", "kubelet is posting ready status", "True")
    if not up:
        ready = ("Ready", "KubeletNotReady", "container runtime is down", "False")
    conditions = old
    for kind, reason, message, status in (*((*one, "False") for one in HEALTHY), ready):
        times = {"lastHeartbeatTime": timestamp(now), "lastTransitionTime": timestamp(now)}
        new = {"type": kind, "status": status, "reason": reason, "message": message, **times}
        conditions = set_condition(conditions, new)
    return conditions


def _capacity() -> Object:
    memory = next(line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)
    return {
        "cpu": str(os.cpu_count()),
        "ephemeral-storage": f"{shutil.disk_usage('/').total // 1024}Ki",
        "memory": f"{memory}Ki",
        "pods": "110",
    }


def _info(runtime: str) -> Object:
    release = platform.freedesktop_os_release()
    identity = Path("/etc/machine-id").read_text().strip()
    return {
        "architecture": machine(),
        "bootID": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "containerRuntimeVersion": f"containerd://{runtime}",
        "kernelVersion": platform.release(),
        "kubeProxyVersion": "",
        "kubeletVersion": VERSION,
        "machineID": identity,
        "operatingSystem": "linux",
        "osImage": release.get("PRETTY_NAME", "Linux"),
        "systemUUID": identity,
    }
