"""How a fleet that works is broken, looked at, and mended again."""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from lightkube import Client, codecs
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret as KubeSecret

from moor.connections.apis.harbor import Harbor
from moor.tasks.registry.logins import DOCKER_CONFIG
from tests.harness.waiting import eventually
from tests.lab.conftest import Moored
from tests.lab.pushing import Pusher

NAME = "registry.moor.test"
CERTS_D = f"/etc/containerd/certs.d/{NAME}"
CONFIG = "/etc/containerd/config.toml"
KEPT = "/run/moor-test-kept"
STALE = f"sed 's/^.* {NAME}/10.99.0.9 {NAME}/' /etc/hosts > /run/h; cat /run/h > /etc/hosts"
MIRROR = '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\\nendpoint = ["https://m.test"]\\n'
TOMORROW = "/usr/local/bin/date"
DROP_IN = "/run/systemd/system/containerd.service.d"


def causes(moored: Moored, *words: str) -> dict[str, list[dict[str, str]]]:
    """Return the causes that a diagnosis names, by host; a host that is well has none."""
    done = moored.moor("diagnose", "--quiet", "--output", "json", *words)
    found = {
        name: [cause for resource in host["resources"] for cause in resource["causes"]]
        for name, host in done.report["hosts"].items()
        if host["resources"] or host["error"]
    }
    assert done.returncode == (2 if any(found.values()) else 0), done.stdout + done.stderr
    return found


def diagnosed(moored: Moored, *words: str) -> dict[str, list[str]]:
    """Return the rules that a diagnosis names, by host."""
    return {name: [cause["rule"] for cause in found] for name, found in causes(moored, *words).items()}


def offered(found: list[dict[str, str]]) -> list[str]:
    """List the concerns that causes offer ``moor apply`` for, first and without an if."""
    mends = (re.match(r"moor apply ([a-z]+)", cause["mend"]) for cause in found)
    return sorted({mend[1] for mend in mends if mend})


@contextmanager
def broken(moored: Moored, host: str, path: str, command: str, after: str = ":") -> Iterator[None]:
    """Run ``command`` on a host, with ``path`` kept and put back as it was; ``after`` runs behind each of the two."""
    keep = f"rm -rf {KEPT}; [ ! -e {path} ] || cp -a {path} {KEPT}"
    back = f"if [ -f {path} ] && [ -f {KEPT} ]; then cp -p {KEPT} {path}; else rm -rf {path}; "
    back += f"[ ! -e {KEPT} ] || cp -a {KEPT} {path}; fi"
    moored.lab.exec(host, ["sh", "-ec", f"{keep}\n{command}\n{after}"])
    try:
        yield
    finally:
        moored.lab.exec(host, ["sh", "-ec", f"{back}\n{after}"])


@contextmanager
def closed(moored: Moored, verdict: str, host: str = "node2") -> Iterator[None]:
    """Have a node's own nftables close the registry's port to it."""
    rule = f"ip daddr {address(moored, 'harbor1')} tcp dport 443 {verdict}"
    chain = "add chain inet closed out { type filter hook output priority 0; }"
    moored.lab.exec(host, ["nft", f"add table inet closed; {chain}; add rule inet closed out {rule}"])
    try:
        yield
    finally:
        moored.lab.exec(host, ["nft", "delete table inet closed"])


@contextmanager
def stopped(moored: Moored, container: str) -> Iterator[None]:
    moored.lab.exec("harbor1", ["docker", "stop", "--time", "1", container])
    try:
        yield
    finally:
        moored.lab.exec("harbor1", ["docker", "start", container])
        assert eventually(lambda: diagnosed(moored, "--limit", "node2") == {"node2": []}, 60)


def address(moored: Moored, name: str) -> str:
    return str(moored.lab.machine(name).host.address)


def self_signed(name: str, ended: bool) -> tuple[str, str]:
    """Make a certificate that nobody vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    begins = datetime.now(UTC) - timedelta(days=60)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = (
        builder.serial_number(7).not_valid_before(begins).not_valid_after(begins + timedelta(days=30 if ended else 90))
    )
    cert = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(key, hashes.SHA256())
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return cert.public_bytes(serialization.Encoding.PEM).decode(), plain.decode()


@contextmanager
def dns_that_answers(place: str, found: str) -> Iterator[None]:
    """Answer every question for an address with ``found``, and others with nothing, on the lab's own network."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((place, 53))
    thread = threading.Thread(target=answer_all, args=(server, socket.inet_aton(found)))
    thread.start()
    try:
        yield
    finally:
        server.sendto(b"", (place, 53))
        thread.join()
        server.close()


def answer_all(server: socket.socket, found: bytes) -> None:
    """Answer until an empty datagram comes. Source: RFC 1035, 4.1."""
    while True:
        asked, sender = server.recvfrom(512)
        if not asked:
            return
        end = asked.index(b"\0", 12) + 5
        wants_a = asked[end - 4 : end - 2] == b"\0\1"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + found if wants_a else b""
        head = asked[:2] + b"\x81\x80\0\1" + (b"\0\1" if wants_a else b"\0\0") + b"\0\0\0\0"
        server.sendto(head + asked[12:end] + record, sender)


def deployment(cluster: Client, name: str, image: str, secret: str) -> None:
    """Run one pod of an image on node2, in a namespace of the test's own."""
    content = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "trial"},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": name}},
                "spec": {
                    "nodeName": "node2",
                    "imagePullSecrets": [{"name": secret}] if secret else [],
                    "containers": [{"name": "c", "image": f"{NAME}/{image}"}],
                },
            },
        },
    }
    cluster.apply(codecs.from_dict(content), field_manager="trial", force=True)


def pull_secret(name: str, registry: str, user: str, password: str, kind: str = DOCKER_CONFIG) -> KubeSecret:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    content = json.dumps({"auths": {registry: {"username": user, "password": password, "auth": auth}}})
    data = {".dockerconfigjson": base64.b64encode(content.encode()).decode()}
    return KubeSecret(metadata=ObjectMeta(name=name, namespace="trial"), type=kind, data=data)


def named(metadata: ObjectMeta | None) -> str:
    assert metadata is not None
    return str(metadata.name)


def rules_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    hosts = json.loads(done.stdout)["hosts"].values()
    return [cause["rule"] for host in hosts for resource in host["resources"] for cause in resource["causes"]]


def administrator(moored: Moored) -> Harbor:
    trust = ssl.create_default_context(cafile=str(moored.moor.site / ".moor/pki/ca.crt"))
    login = ("admin", (moored.lab.directory / "secrets/harbor-admin").read_text().strip())
    return Harbor(NAME, address(moored, "harbor1"), 443, login, trust)


def disable(moored: Moored, harbor: Harbor, robot: dict[str, Any]) -> None:
    harbor.change("PUT", f"/api/v2.0/robots/{robot['id']}", {**robot, "disable": True})


def allow_only_pushing(moored: Moored, harbor: Harbor, robot: dict[str, Any]) -> None:
    access = [{"resource": "repository", "action": "push"}]
    permissions = [{**robot["permissions"][0], "access": access}]
    harbor.change("PUT", f"/api/v2.0/robots/{robot['id']}", {**robot, "permissions": permissions})


def expire(moored: Moored, harbor: Harbor, robot: dict[str, Any]) -> None:
    """Harbor takes no end in the past, so that its database has to be told."""
    ended = """regexp_replace(body, '"expires_at": *-1', '"expires_at": 1')"""
    body = f"""regexp_replace({ended}, '"duration": *-1', '"duration": 1')"""
    change = f"update record set body = {body} where kind = 'robot' and id = {robot['id']};"  # noqa: S608 - a number
    program = 'PGPASSWORD="$POSTGRES_PASSWORD" /usr/lib/postgresql/*/bin/psql -h 127.0.0.1 -U postgres registry'
    moored.lab.exec("harbor1", ["docker", "exec", "-i", "harbor-db", "sh", "-c", program], stdin=change)


def pusher(moored: Moored) -> Pusher:
    password = (moored.lab.directory / "secrets/harbor-admin").read_text().strip()
    return Pusher(address(moored, "harbor1"), password, moored.moor.site / ".moor/pki/ca.crt")
