"""A node's answers as evidence of each layer, without logins and tokens; pure."""

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
from moor.tasks.diagnosis.rules.rule import KEEPER, MAKER, OTHERS
from moor.tasks.proxies.running import is_proxied, parse_key_values, remedy

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "ppc64le": "ppc64le"}
NOBODY = "a client without a login"
CLOCK_S = 60  # a clock that is further off may make certificates and tokens invalid


def evidence_of(
    answers: Mapping[str, str], request: ProbeRequest, known: ControllerFacts, host: str, now: float
) -> dict[str, dict[str, str]]:
    """Return the evidence by layer.

    Args:
        answers: what the node printed, by the name of the probe
        host: the node's name in the inventory, for the remedies
        now: the controller's time after the answers came, seconds since 1970
    """
    about = {
        "host": host,
        "name": request.endpoint.name,
        "host_port": request.endpoint.host_port,
        "wanted": " ".join(request.endpoint.addresses),
    }
    about |= {"port": str(request.endpoint.port), "image": request.image, "project": request.image.partition("/")[0]}
    about |= {
        "repository": request.repository,
        "tag": request.tag,
        "robot_state": known.robot,
        "controller": known.harbor,
    }
    about |= {"mode": request.names, "bring": known.bring or f"push {request.image} from where it was built"}
    about |= {
        "api": request.endpoint.api,
        KEEPER: "moor" if request.endpoint.own else OTHERS,
        MAKER: "moor" if request.endpoint.makes_robots else OTHERS,
    }
    user = NOBODY if request.anonymous else request.login[0] if request.login else ""
    about |= {"setter": known.setter or "the template that names it", "ours": known.own}
    fields = {name: parse_key_values(answer) for name, answer in answers.items()}
    wire = {**fields.get("wire", {}), **parse_transcript(answers.get("wire", ""), now)}
    registry = fields.get("registry", {})
    runtime = bundled_runtime_evidence if request.own else containerd_evidence
    found: dict[str, dict[str, str]] = {
        "clock": clock_evidence(fields.get("clock", {}), now),
        "name": name_evidence(fields.get("name", {}), request),
        "route": {**wire, "hop": dict(request.hops).get(wire.get("address", ""), "")},
        "mtu": fields.get("mtu", {}),
        "tls": {**wire, "issued": known.fingerprint},
        "challenge": challenge_evidence(registry, request) | explain_answer(registry, "v2", request, host),
        "login": {
            "user": user,
            "anonymous": yes_no(request.anonymous),
            "status": registry.get("login", ""),
        }
        | explain_answer(registry, "login", request, host),
        "rights": {
            "user": user,
            **rights_evidence(registry, request),
            "project_state": known.project,
        },
        "manifest": {"user": user}
        | manifest_evidence(registry, fields.get("containerd", {}), known)
        | explain_answer(registry, "manifest", request, host),
        "containerd": runtime(answers.get("containerd", ""), request, host),
        "proxy": proxy_evidence(fields.get("proxy", {}), request),
    }
    if "containerd" not in answers:
        del found["containerd"]
    if not is_measured(found["mtu"]):
        del found["mtu"]
    if "pull" in answers:
        found["pull"] = explain_pull(answers["pull"], request, host) | pull_evidence(answers["pull"])
    return {layer: {**{k: clean(v) for k, v in part.items()}, **about} for layer, part in found.items()}


def clock_evidence(fields: Mapping[str, str], now: float) -> dict[str, str]:
    """Return how far the node's clock is off; empty if it is right."""
    try:
        off = explain_skew(int(fields.get("there", "")), int(fields.get("before", "")), int(now), CLOCK_S)
    except ValueError:
        off = "its clock cannot be read"
    return {"off": off.partition(",")[0]}


def challenge_evidence(fields: Mapping[str, str], request: ProbeRequest) -> dict[str, str]:
    """Read the address of the token service from the registry's challenge."""
    told = fields.get("challenge", "")
    realm = re.search(r'realm="([^"]*)"', told)
    scheme, _, rest = (realm[1] if realm else "").partition("://")
    return {
        "status": fields.get("v2", ""),
        "kind": told.partition(" ")[0].lower(),
        "realm": realm[1] if realm else "",
        "scheme": scheme,
        "realm_host": rest.partition("/")[0],
        "realm_found": fields.get("realm_found", ""),
    }


def rights_evidence(fields: Mapping[str, str], request: ProbeRequest) -> dict[str, str]:
    """Read the rights on the repository from the claims of a token."""
    actions: list[str] = []
    access = _access(fields.get("token", ""))
    for entry in access or ():
        if isinstance(entry, dict) and entry.get("name") == request.repository:
            actions.extend(str(action) for action in entry.get("actions") or ())
    return {"status": fields.get("scoped", ""), "actions": " ".join(actions), "readable": yes_no(access is not None)}


def _access(part: str) -> list[Any] | None:
    """Return what the claims of a token grant; None if it has no claims that can be read."""
    try:
        claims = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        access = claims.get("access")
    except (ValueError, AttributeError, binascii.Error):
        return None
    return access if isinstance(access, list) else None


def manifest_evidence(fields: Mapping[str, str], machine: Mapping[str, str], known: ControllerFacts) -> dict[str, str]:
    """Return what node and controller know about the image's manifest."""
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


def proxy_evidence(fields: Mapping[str, str], request: ProbeRequest) -> dict[str, str]:
    """Return whether containerd goes to the registry through a proxy that it should not use, and the remedy."""
    name = request.endpoint.name
    astray = not request.proxied and is_proxied(fields, name, request.endpoint.port)
    return {
        "between": yes_no(astray),
        "unit": request.unit,
        "no_proxy": fields.get("no_proxy", ""),
        "remedy": remedy(fields, name, request.unit) if astray else "",
    }


def pull_evidence(answer: str) -> dict[str, str]:
    """Read how a pull ended, and whether part of a layer arrived; ``arrived`` is empty if that was not tried."""
    found = {"pulled": yes_no("moor: pulled" in answer), "said": last_line(answer), "arrived": ""}
    part = re.search(r"^moor: arrived (\d+) of (\d+) from (\S+)$", answer, re.MULTILINE)
    if not part:
        return found
    got, size = int(part[1]), int(part[2])
    return {**found, "arrived": yes_no(got > 0 and got >= min(size, FETCH_BYTES)), "blob": part[3], "bytes": part[1]}
