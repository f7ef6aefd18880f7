"""What a node's answers say of each layer, in fields; pure. Nothing of a login or a token is in them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from moor.formats.nesting import parse_json
from moor.resources.requirement import explain_skew
from moor.tasks.diagnosis.evidence.mtu import is_measured
from moor.tasks.diagnosis.evidence.probe_request import ControllerFacts, ProbeRequest
from moor.tasks.diagnosis.evidence.pull_script import FETCH_BYTES
from moor.tasks.diagnosis.evidence.registry_answers import (
    clean,
    explain_answer,
    explain_pull,
    last_line,
    name_evidence,
    yes_no,
)
from moor.tasks.diagnosis.evidence.runtime_answers import bundled_runtime_evidence, containerd_evidence
from moor.tasks.diagnosis.evidence.tls_handshake import parse_transcript
from moor.tasks.runtime_proxies import is_proxied, parse_key_values, remedy

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "ppc64le": "ppc64le"}
CLOCK_S = 60  # a clock off by more makes certificates and tokens look out of their time


def evidence_of(
    answers: Mapping[str, str], asked: ProbeRequest, known: ControllerFacts, host: str, now: float
) -> dict[str, dict[str, str]]:
    """Return the evidence by layer.

    Args:
        answers: a probe's name to what the node said
        host: the node's name in the inventory, for the mends
        now: the controller's time after the answers came, seconds since 1970
    """
    about = {
        "host": host,
        "name": asked.door.name,
        "host_port": asked.door.host_port,
        "wanted": " ".join(asked.door.addresses),
    }
    about |= {"port": str(asked.door.port), "image": asked.image, "project": asked.image.partition("/")[0]}
    about |= {"repository": asked.repository, "tag": asked.tag, "robot_state": known.robot, "controller": known.harbor}
    about |= {"mode": asked.names, "bring": known.bring or f"push {asked.image} from where it was built"}
    about |= {"setter": known.setter or "the template that names it", "ours": known.own}
    fields = {name: parse_key_values(answer) for name, answer in answers.items()}
    wire = {**fields.get("wire", {}), **parse_transcript(answers.get("wire", ""), now)}
    registry = fields.get("registry", {})
    runtime = bundled_runtime_evidence if asked.own else containerd_evidence
    found: dict[str, dict[str, str]] = {
        "clock": clock_evidence(fields.get("clock", {}), now),
        "name": name_evidence(fields.get("name", {}), asked),
        "route": wire,
        "mtu": fields.get("mtu", {}),
        "tls": {**wire, "issued": known.fingerprint},
        "challenge": challenge_evidence(registry, asked) | explain_answer(registry, "v2", asked, host),
        "login": {"user": asked.login[0] if asked.login else "", "status": registry.get("login", "")}
        | explain_answer(registry, "login", asked, host),
        "rights": {
            "user": asked.login[0] if asked.login else "",
            **rights_evidence(registry, asked),
            "project_state": known.project,
        },
        "manifest": manifest_evidence(registry, fields.get("containerd", {}), known)
        | explain_answer(registry, "manifest", asked, host),
        "containerd": runtime(answers.get("containerd", ""), asked, host),
        "proxy": proxy_evidence(fields.get("proxy", {}), asked),
    }
    if "containerd" not in answers:
        del found["containerd"]
    if not is_measured(found["mtu"]):
        del found["mtu"]
    if "pull" in answers:
        found["pull"] = explain_pull(answers["pull"], asked, host) | pull_evidence(answers["pull"])
    return {layer: {**{k: clean(v) for k, v in part.items()}, **about} for layer, part in found.items()}


def clock_evidence(fields: Mapping[str, str], now: float) -> dict[str, str]:
    """Return how far the node's clock is off; empty where it is right."""
    try:
        off = explain_skew(int(fields.get("there", "")), int(fields.get("before", "")), int(now), CLOCK_S)
    except ValueError:
        off = "its clock cannot be read"
    return {"off": off.partition(",")[0]}


def challenge_evidence(fields: Mapping[str, str], asked: ProbeRequest) -> dict[str, str]:
    """Read where the registry sends its clients for a token."""
    told = fields.get("challenge", "")
    realm = re.search(r'realm="([^"]*)"', told)
    scheme, _, rest = (realm[1] if realm else "").partition("://")
    return {
        "status": fields.get("v2", ""),
        "realm": realm[1] if realm else "",
        "scheme": scheme,
        "realm_host": rest.partition("/")[0],
        "realm_found": fields.get("realm_found", ""),
    }


def rights_evidence(fields: Mapping[str, str], asked: ProbeRequest) -> dict[str, str]:
    """Read from a token's middle part what it allows on the repository."""
    actions: list[str] = []
    for entry in _access(fields.get("token", "")):
        if isinstance(entry, dict) and entry.get("name") == asked.repository:
            actions.extend(str(action) for action in entry.get("actions") or ())
    return {"status": fields.get("scoped", ""), "actions": " ".join(actions), "token": yes_no("token" in fields)}


def _access(part: str) -> list[Any]:
    try:
        claims = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        access = claims.get("access")
    except (ValueError, AttributeError, binascii.Error):
        return []
    return access if isinstance(access, list) else []


def manifest_evidence(fields: Mapping[str, str], machine: Mapping[str, str], known: ControllerFacts) -> dict[str, str]:
    """Bring together what node and controller see of the image."""
    name = machine.get("machine", "")
    own, held = MACHINES.get(name, name), known.architectures.split()
    return {
        "status": fields.get("manifest", ""),
        "digest": fields.get("digest", ""),
        "pushed": known.digest,
        "project_state": known.project,
        "repository_state": known.repository,
        "tag_state": known.tag,
        "architecture": own,
        "architectures": known.architectures,
        "fits": yes_no(not own or not held or own in held),
    }


def proxy_evidence(fields: Mapping[str, str], asked: ProbeRequest) -> dict[str, str]:
    """Return whether containerd goes to the registry through a proxy that is not meant, and what leaves it out."""
    name = asked.door.name
    astray = not asked.proxied and is_proxied(fields, name, asked.door.port)
    return {
        "between": yes_no(astray),
        "unit": asked.unit,
        "no_proxy": fields.get("no_proxy", ""),
        "remedy": remedy(fields, name, asked.unit) if astray else "",
    }


def pull_evidence(answer: str) -> dict[str, str]:
    """Read how a pull ended, and whether a layer arrived; ``arrived`` is empty where none could be asked for."""
    found = {"pulled": yes_no("moor: pulled" in answer), "said": last_line(answer), "arrived": ""}
    part = re.search(r"^moor: arrived (\d+) of (\d+) from (\S+)$", answer, re.MULTILINE)
    if not part:
        return found
    got, size = int(part[1]), int(part[2])
    return {**found, "arrived": yes_no(got > 0 and got >= min(size, FETCH_BYTES)), "blob": part[3], "bytes": part[1]}
