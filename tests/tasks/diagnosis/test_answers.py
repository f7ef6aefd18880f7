"""Answers of a registry or of a proxy in front of it, read by a real shell over TLS and explained."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from moor.secrets.secret import Secret
from moor.tasks.diagnosis.evidence.node_answers import evidence_of
from moor.tasks.diagnosis.evidence.probe_request import ControllerFacts, ProbeRequest, RegistryEndpoint
from moor.tasks.diagnosis.evidence.probes import registry_probe
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.layers import judge
from moor.tasks.diagnosis.rules.rule import Verdict
from tests.harness.servers import Handler, serving, tls
from tests.harness.shells import SHELLS, sh, text

KNOWN = ControllerFacts("answers", "ok", "", "there", "there", "there", "", "")
MESSAGES = {
    412: "current image with 3 vulnerabilities cannot be pulled due to configured policy",
    429: "toomanyrequests",
    403: "denied",
}


@dataclass
class Answers:
    """What the server answers, by the beginning of the path: a status, and the type of its content."""

    statuses: dict[str, int] = field(default_factory=dict)
    kind: str = "application/json"
    port: int = 0
    ca: Path = Path()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """Yield a registry under the name localhost, whose answers a test sets."""
    answers = Answers(ca=certificate(tmp_path_factory.mktemp("tls")))

    class Registry(Handler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            part = "manifests" if "/manifests/" in self.path else "token" if "/token" in self.path else "v2"
            status = answers.statuses.get(part, {"v2": 401}.get(part, 200))
            body = json.dumps({"token": token(), "errors": [{"message": MESSAGES.get(status, "")}]}).encode()
            realm = f'Bearer realm="https://localhost:{answers.port}/service/token",service="harbor-registry"'
            heads = {"Content-Type": answers.kind, "WWW-Authenticate": realm, "Location": "https://login.corp.test/"}
            self.reply(status, body, heads)

    with serving(Registry, tls(answers.ca, answers.ca.with_suffix(".key"))) as answers.port:
        yield answers


def certificate(directory: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    cert = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    path = directory / "server.pem"
    path.write_bytes(cert.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.with_suffix(".key").write_bytes(private)
    return path


def token() -> str:
    claims = {"access": [{"type": "repository", "name": "demo/sqrt", "actions": ["pull"]}]}
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"aa.{part}.bb"


def verdicts(server: Answers, shell: str, **statuses: int) -> list[Verdict]:
    """Ask the server by a real shell, and judge what it answered."""
    server.statuses = statuses
    asked = ProbeRequest(
        RegistryEndpoint("localhost", "127.0.0.1", server.port), "demo/sqrt:1.0", ("robot", Secret("word"))
    )
    probe = registry_probe(asked, "registry")
    done = sh(shell, f"export SSL_CERT_FILE={server.ca}\n(\n{probe.probe()}\n)")
    evidence = evidence_of({"registry": text(done.stdout)}, asked, KNOWN, "node1", time.time())
    layers = ("challenge", "login", "rights", "manifest")
    results = judge({name: evidence[name] for name in layers}, RULES)
    return [verdict for result in results for verdict in result.verdicts]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_healthy_registry_has_no_fault(server: Answers, shell: str) -> None:
    server.kind = "application/json"
    assert verdicts(server, shell) == []


@pytest.mark.parametrize(
    ("part", "status", "kind", "rule", "cause", "mend"),
    [
        ("v2", 403, "text/html", "registry-answer", "403", "curl -s"),
        ("v2", 405, "application/json", "registry-answer", "405", "https"),
        ("v2", 407, "text/html", "registry-answer", "web page", "curl -si"),
        ("v2", 429, "application/json", "registry-answer", "too many requests", "wait"),
        ("v2", 302, "text/html", "registry-answer", "web page", "curl -si"),
        ("v2", 301, "application/json", "registry-answer", "redirects", "external_url"),
        ("v2", 404, "text/html", "registry-other", "404", "moor plan harbor"),
        ("v2", 502, "text/html", "core-down", "502", "moor apply harbor"),
        ("token", 403, "application/json", "login-broken", "403", "curl"),
        ("token", 504, "text/html", "login-broken", "504", "docker ps"),
        ("manifests", 412, "application/json", "manifest-refused", "vulnerabilities", "allowlist"),
        ("manifests", 429, "application/json", "manifest-refused", "too many requests", "Registries"),
        ("manifests", 500, "application/json", "manifest-refused", "500", "docker ps"),
        ("manifests", 404, "application/json", "tag-missing", "demo/sqrt:1.0", "from where it was built"),
    ],
)
def test_an_answer_that_is_not_a_registrys_is_explained(
    server: Answers, part: str, status: int, kind: str, rule: str, cause: str, mend: str
) -> None:
    server.kind = kind
    (verdict,) = verdicts(server, [*SHELLS][status % len(SHELLS)], **{part: status})
    assert (verdict.rule, cause in verdict.cause, mend in verdict.mend) == (rule, True, True), verdict


def test_a_missing_image_of_the_inventory_is_mended_by_apply_images(server: Answers) -> None:
    known = replace(KNOWN, bring="moor apply images", setter="data.workloads.sqrt.image")
    asked = ProbeRequest(RegistryEndpoint("localhost", "127.0.0.1", server.port), "demo/sqrt:1.0")
    evidence = evidence_of({"registry": "manifest=404\n"}, asked, known, "node1", time.time())
    (result,) = judge({"manifest": evidence["manifest"]}, RULES)
    (verdict,) = result.verdicts
    assert verdict.mend == "moor apply images; or correct it in data.workloads.sqrt.image"
