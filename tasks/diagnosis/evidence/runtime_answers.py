"""Evidence about the runtime that pulls: containerd, CRI-O, or the containerd of k3s and RKE2; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from moor.tasks.containerd.config import DIRECTORY_LOOKUP
from moor.tasks.containerd.config_faults import find_faults
from moor.tasks.containerd.hosts_toml import parse_hosts_toml
from moor.tasks.containerd.loaded_config import parse_loaded_config
from moor.tasks.diagnosis.evidence.distributions import distribution_remedies
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest
from moor.tasks.diagnosis.evidence.registry_answers import yes_no
from moor.tasks.podman.registries_conf import find_unchecked
from moor.tasks.proxies.running import parse_key_values

LEAST_KB, LEAST_INODES = 64 * 1024, 1000  # less is too little for a layer


def containerd_evidence(answer: str, request: ProbeRequest, host: str) -> dict[str, str]:
    """Return how containerd runs, and what it reads at a pull."""
    fields = parse_key_values(answer)
    left_out = ("toml", "no_proxy", "file", "missing", "loaded", "told", "in_effect")
    kept = {key: value for key, value in fields.items() if key not in left_out}
    plugins = [value for key, value in fields.items() if key.startswith("plugin_")]
    release = release_of(fields.get("version", ""))
    found = find_faults(parse_loaded_config(answer), request.expected) if request.expected and "path" in fields else []
    return {
        **kept,
        **parse_hosts_toml(fields.get("toml"), release),
        **({"hosts_toml": "missing"} if "default" in fields else {}),  # it is the hosts.toml for all registries
        **({"unchecked": "", "hidden": ""} if release < DIRECTORY_LOOKUP else {}),  # it does not read hosts.toml
        "config": "malformed" if fields.get("refused") else "",
        "fault": "; ".join(fault.what for fault in found),
        "fault_mend": "; ".join(fault.remedy for fault in found),
        "cri": "ok" if plugins and set(plugins) == {"ok"} else "error" if plugins else "missing",
        "older": yes_no(_number(fields.get("trusted")) > _number(fields.get("started")) > 0),
        "colon": yes_no(":" in fields.get("config_path", "")),
        "full": _full(fields),
        **distribution_remedies(fields.get("distribution", ""), host),
    }


def _full(fields: Mapping[str, str]) -> str:
    """Return how much space or how many inodes containerd's file system has left; empty if that is enough."""
    kilobytes, inodes = fields.get("free_k", ""), fields.get("free_i", "")
    if kilobytes.isdecimal() and int(kilobytes) < LEAST_KB:
        return f"{int(kilobytes) // 1024} MB"
    return f"{inodes} inodes" if inodes.isdecimal() and 0 < int(inodes) < LEAST_INODES else ""


def bundled_runtime_evidence(answer: str, request: ProbeRequest, _: str) -> dict[str, str]:
    """Return whether k3s, RKE2 or CRI-O checks the registry's certificate, the only thing examined of them."""
    if request.own == "crio":
        said = find_unchecked(answer, request.endpoint.host_port)
        return {"unchecked": "; ".join(said), "toml_file": "", "runtime": request.own}
    fields = parse_key_values(answer)
    found = parse_hosts_toml(fields.get("toml"), (2, 0))
    return {"unchecked": found.get("unchecked", ""), "toml_file": fields.get("toml_file", ""), "runtime": request.own}


def release_of(version: str) -> tuple[int, int]:
    """Return the release from the output of ``containerd --version``; a recent one if it cannot be read."""
    number = re.search(r"\sv?(\d+)\.(\d+)", version)
    return (int(number[1]), int(number[2])) if number else (2, 2)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
