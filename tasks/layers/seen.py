"""What a node's answers say of each layer, in fields; pure. Nothing of a login or a token is in them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moor.deferred import hashes, x509
from moor.engine.plan import shown
from moor.resources.requirement import skew
from tasks.containerd_config import BY_DIRECTORY
from tasks.containerd_effective import faults
from tasks.containerd_reads import reads_of
from tasks.layers.answers import LONGEST, answered, explained_pull, last_line, resolved
from tasks.layers.distributions import means
from tasks.layers.door import Asked, Known
from tasks.layers.hosts_toml import hosts_toml
from tasks.layers.mtu import measured
from tasks.layers.proxies import between, lines, remedy
from tasks.layers.pulling import FETCH_BYTES
from tasks.registries_conf import unchecked

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "ppc64le": "ppc64le"}
CLOCK_S = 60  # a clock off by more makes certificates and tokens look out of their time
LEAST_KB, LEAST_INODES = 64 * 1024, 1000  # with less no layer of an image fits


def evidence_of(
    answers: Mapping[str, str], asked: Asked, known: Known, host: str, now: float
) -> dict[str, dict[str, str]]:
    """Give the evidence by layer.

    answers  a probe's name to what the node said
    host     the node's name in the inventory, for the mends
    now      the controller's time after the answers came, seconds since 1970
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
    fields = {name: lines(answer) for name, answer in answers.items()}
    wire = {**fields.get("wire", {}), **transcript(answers.get("wire", ""), now)}
    registry = fields.get("registry", {})
    found: dict[str, dict[str, str]] = {
        "clock": clock(fields.get("clock", {}), now),
        "name": resolved(fields.get("name", {}), asked),
        "route": wire,
        "mtu": fields.get("mtu", {}),
        "tls": {**wire, "issued": known.fingerprint},
        "challenge": challenge(registry, asked) | answered(registry, "v2", asked, host),
        "login": {"user": asked.login[0] if asked.login else "", "status": registry.get("login", "")}
        | answered(registry, "login", asked, host),
        "rights": {
            "user": asked.login[0] if asked.login else "",
            **rights(registry, asked),
            "project_state": known.project,
        },
        "manifest": manifest(registry, fields.get("containerd", {}), known)
        | answered(registry, "manifest", asked, host),
        "containerd": (own_runtime if asked.own else containerd)(answers.get("containerd", ""), asked, host),
        "proxy": proxy(fields.get("proxy", {}), asked),
    }
    if "containerd" not in answers:
        del found["containerd"]
    if not measured(found["mtu"]):
        del found["mtu"]
    if "pull" in answers:
        found["pull"] = explained_pull(answers["pull"], asked, host) | pull(answers["pull"])
    return {layer: {**{k: clean(v) for k, v in part.items()}, **about} for layer, part in found.items()}


def clean(value: str) -> str:
    """Make a host's text one short line that is safe on a terminal."""
    return shown(" ".join(value.split()))[:LONGEST]


def clock(fields: Mapping[str, str], now: float) -> dict[str, str]:
    """Say how far the node's clock is off; empty where it is right."""
    try:
        off = skew(int(fields.get("there", "")), int(fields.get("before", "")), int(now), CLOCK_S)
    except ValueError:
        off = "its clock cannot be read"
    return {"off": off.partition(",")[0]}


def transcript(answer: str, now: float) -> dict[str, str]:
    """Read what openssl s_client printed: how far the connection came, and the certificate that is served."""
    number = re.search(r"errno ?= ?(\d+)", answer)
    code = re.search(r"Verify return code: (\d+) \(([^)]*)", answer)
    errors = re.findall(r"verify error:num=(\d+):([^\r\n]*)", answer)
    found = {
        "connected": _word("CONNECTED" in answer),
        "errno": number[1] if number and "CONNECTED" not in answer else "",  # of one address, and another answered
        "verify": code[1] if code and not errors else errors[0][0] if errors else "",
        "verify_words": errors[0][1] if errors else code[2] if code else "",
        "plain": _word("wrong version number" in answer or "packet length too long" in answer),
    }
    served = PEM.search(answer)
    return {**found, **certificate(served[0], now)} if served else {**found, "served": "no"}


def certificate(pem: str, now: float) -> dict[str, str]:
    """Describe a certificate: names, issuer, validity, fingerprint."""
    try:
        cert = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        return {"served": "no"}
    ends, begins = cert.not_valid_after_utc, cert.not_valid_before_utc
    moment = datetime.fromtimestamp(now, UTC)
    return {
        "served": "yes",
        "names": " ".join(_names(cert)),
        "issuer": cert.issuer.rfc4514_string(),
        "begins": f"{begins:%Y-%m-%d %H:%M} UTC",
        "ends": f"{ends:%Y-%m-%d %H:%M} UTC",
        "ended": _word(ends < moment),
        "begun": _word(begins <= moment),
        "fingerprint": cert.fingerprint(hashes.SHA256()).hex(),
    }


def _names(cert: x509.Certificate) -> list[str]:
    try:
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(name.value) for name in names]


def challenge(fields: Mapping[str, str], asked: Asked) -> dict[str, str]:
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


def rights(fields: Mapping[str, str], asked: Asked) -> dict[str, str]:
    """Read from a token's middle part what it allows on the repository."""
    actions: list[str] = []
    for entry in _access(fields.get("token", "")):
        if isinstance(entry, dict) and entry.get("name") == asked.repository:
            actions.extend(str(action) for action in entry.get("actions") or ())
    return {"status": fields.get("scoped", ""), "actions": " ".join(actions), "token": _word("token" in fields)}


def _access(part: str) -> list[Any]:
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        access = claims.get("access")
    except (ValueError, AttributeError, binascii.Error):
        return []
    return access if isinstance(access, list) else []


def manifest(fields: Mapping[str, str], machine: Mapping[str, str], known: Known) -> dict[str, str]:
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
        "fits": _word(not own or not held or own in held),
    }


def containerd(answer: str, asked: Asked, host: str) -> dict[str, str]:
    """Bring together how containerd runs and what it will read at a pull."""
    fields = lines(answer)
    left_out = ("toml", "no_proxy", "file", "missing", "loaded", "told", "in_effect")
    kept = {key: value for key, value in fields.items() if key not in left_out}
    plugins = [value for key, value in fields.items() if key.startswith("plugin_")]
    release = release_in(fields.get("version", ""))
    found = faults(reads_of(answer), asked.expected) if asked.expected and "path" in fields else []
    return {
        **kept,
        **hosts_toml(fields.get("toml"), release),
        **({"hosts_toml": "missing"} if "default" in fields else {}),  # what counts is not the registry's own
        **({"unchecked": "", "hidden": ""} if release < BY_DIRECTORY else {}),  # it reads no such directory
        "config": "malformed" if fields.get("refused") else "",
        "fault": "; ".join(fault.what for fault in found),
        "fault_mend": "; ".join(fault.remedy for fault in found),
        "cri": "ok" if plugins and set(plugins) == {"ok"} else "error" if plugins else "missing",
        "older": _word(_number(fields.get("trusted")) > _number(fields.get("started")) > 0),
        "colon": _word(":" in fields.get("config_path", "")),
        "full": _full(fields),
        **means(fields.get("distribution", ""), host),
    }


def _full(fields: Mapping[str, str]) -> str:
    """Say what is used up of the file system of containerd's directory; empty where there is enough."""
    kilobytes, inodes = fields.get("free_k", ""), fields.get("free_i", "")
    if kilobytes.isdecimal() and int(kilobytes) < LEAST_KB:
        return f"{int(kilobytes) // 1024} MB"
    return f"{inodes} inodes" if inodes.isdecimal() and 0 < int(inodes) < LEAST_INODES else ""


def own_runtime(answer: str, asked: Asked, _: str) -> dict[str, str]:
    """Read whether k3s, RKE2 or CRI-O checks the registry's certificate; nothing else of them is judged."""
    if asked.own == "crio":
        said = unchecked(answer, asked.door.host_port)
        return {"unchecked": "; ".join(said), "toml_file": "", "runtime": asked.own}
    fields = lines(answer)
    found = hosts_toml(fields.get("toml"), (2, 0))
    return {"unchecked": found.get("unchecked", ""), "toml_file": fields.get("toml_file", ""), "runtime": asked.own}


def release_in(version: str) -> tuple[int, int]:
    """Return the release in what ``containerd --version`` printed; where it is not known, a new one."""
    number = re.search(r"\sv?(\d+)\.(\d+)", version)
    return (int(number[1]), int(number[2])) if number else (2, 2)


def proxy(fields: Mapping[str, str], asked: Asked) -> dict[str, str]:
    """Say whether containerd goes to the registry through a proxy that is not meant, and what leaves it out."""
    name = asked.door.name
    astray = not asked.proxied and between(fields, name, asked.door.port)
    return {
        "between": _word(astray),
        "unit": asked.unit,
        "no_proxy": fields.get("no_proxy", ""),
        "remedy": remedy(fields, name, asked.unit) if astray else "",
    }


def pull(answer: str) -> dict[str, str]:
    """Read how a pull ended, and whether a layer arrived; ``arrived`` is empty where none could be asked for."""
    found = {"pulled": _word("moor: pulled" in answer), "said": last_line(answer), "arrived": ""}
    part = re.search(r"^moor: arrived (\d+) of (\d+) from (\S+)$", answer, re.MULTILINE)
    if not part:
        return found
    got, size = int(part[1]), int(part[2])
    return {**found, "arrived": _word(got > 0 and got >= min(size, FETCH_BYTES)), "blob": part[3], "bytes": part[1]}


def _number(word: str | None) -> int:
    return int(word) if word and word.isdecimal() else 0


def _word(truth: bool) -> str:
    return "yes" if truth else "no"
