"""Nothing turns the check of a host key or of a certificate off: no line of the code, no setting, no file."""

from __future__ import annotations

import ast
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from nornir.core.inventory import Defaults, Host

from moor.connections.apis.harbor import HarborPlugin
from moor.connections.apis.kubernetes import client_of
from moor.connections.ssh.session import netmiko_parameters
from moor.errors import HarborUnreachable, InputError
from moor.pki.authority import CertificateNames, issue, make_authority, utc_now
from moor.resources.healthy import Healthy
from moor.tasks.docker.install import desired
from moor.tasks.docker.settings import DockerSettings
from moor.tasks.facts import Registry
from tests.pki.handshakes import Files, written

ROOT = Path(__file__).parents[1]
PLACES = ("moor", "tasks", "runbooks", "templates", "scripts", "moor_lab")
NAME = "registry.moor.test"

OFF = re.compile(
    r"""AutoAddPolicy|WarningPolicy|_create_unverified_context|CERT_NONE|check_hostname\s*=\s*False
    |StrictHostKeyChecking["']?\s*[=: ]\s*(?!["']?yes)|UserKnownHostsFile["']?\s*[= ]\s*/dev/null
    |insecure[_-]skip[_-](?:tls[_-])?verify["']?\s*[=:]\s*["']?true|--insecure\b|--no-check-certificate|--tls-verify=false
    |\bcurl\b[^\n]*\s-[a-zA-Z]*k\b|ssh_strict["']?\s*:\s*["']?(?:false|0|no)\b|ssh_strict=(?!True)""",
    re.VERBOSE | re.IGNORECASE,
)


def off(source: str) -> list[str]:
    """List what turns a check off in a source."""
    code = "\n".join(line.partition("  # ")[0] for line in source.splitlines() if not line.lstrip().startswith("#"))
    return [found.group() for found in OFF.finditer(code)]


def unverified(source: str) -> list[str]:
    """List the calls of a Python source whose argument ``verify`` may be False."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    given = [key.value for call in calls for key in call.keywords if key.arg in ("verify", "verify_ssl", "ssl_verify")]
    return [
        ast.unparse(value)
        for value in given
        if any(isinstance(part, ast.Constant) and part.value is False for part in ast.walk(value))
    ]


def sources() -> Iterator[Path]:
    for place in PLACES:
        kinds = (".py", ".sh", ".j2", ".jinja", ".yaml", ".yml")
        yield from (path for path in sorted((ROOT / place).rglob("*")) if path.suffix in kinds)


def test_no_line_turns_a_check_off() -> None:
    found: dict[str, list[str]] = {}
    for path in sources():
        text = path.read_text("utf-8")
        wrong = off(text) + (unverified(text) if path.suffix == ".py" else [])
        if wrong:
            found[str(path.relative_to(ROOT))] = wrong
    allowed = {
        "tasks/docker/verification.py": ["--insecure"] * 4,  # finds where somebody else has turned it off
        "tasks/pki/serving.py": ["CERT_NONE"],  # looks at the certificate that is served; sends nothing to it
        "moor_lab/harbor/core/endpoint.py": ["CERT_NONE"],  # as Harbor, where the endpoint's own setting says so
        "moor_lab/kubernetes/standin/agent/probes.py": [
            "_create_unverified_context"
        ],  # as a kubelet probes a pod's https
    }
    assert found == allowed


@pytest.mark.parametrize(
    "line",
    [
        "client.set_missing_host_key_policy(paramiko.AutoAddPolicy())",
        'options = ["-o", "StrictHostKeyChecking=no"]',
        'options = ["-o", "StrictHostKeyChecking=accept-new"]',
        "StrictHostKeyChecking no",
        'ssh -o "UserKnownHostsFile=/dev/null" host',
        "context.check_hostname = False",
        "insecure_skip_verify = true",
        "curl -sSk https://x",
        "curl --insecure https://x",
        '{"ssh_strict": False}',
        "connect(ssh_strict=strict)",
    ],
)
def test_such_a_line_would_be_found(line: str) -> None:
    assert off(line)


@pytest.mark.parametrize("argument", ["False", "trust if tls else False", "not cluster or False"])
def test_such_an_argument_would_be_found(argument: str) -> None:
    assert unverified(f"httpx2.Client(verify={argument})")


def test_the_inventory_cannot_turn_the_host_keys_check_off() -> None:
    with pytest.raises(InputError, match="host keys are always checked"):
        netmiko_parameters({"ssh_strict": False}, None)
    for value in (0, "no", None, ""):
        assert netmiko_parameters({"ssh_strict": value}, None)["ssh_strict"] is True


def test_a_kubeconfig_that_checks_no_certificate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    cluster = {"server": "https://10.0.0.1:6443", "insecure-skip-tls-verify": True}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(content))
    with pytest.raises(
        InputError, match=rf"{path}: clusters: c: insecure-skip-tls-verify .* give certificate-authority-data"
    ):
        client_of(path, "")


@pytest.mark.parametrize("text", ["", "just words", "- a", "a: [", "clusters: 3", "contexts: [{}]", "\x00"])
def test_a_kubeconfig_that_is_none_is_bad_input(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(InputError, match=f"^{path}: "):
        client_of(path, "")


@pytest.mark.parametrize("name", [NAME, f"{NAME}:8443", "10.0.0.9", "10.0.0.0/24", "0.0.0.0/0"])
def test_docker_is_not_told_to_leave_the_registry_unchecked(name: str) -> None:
    registry = Registry.model_validate({"name": NAME, "address": "10.0.0.9", "port": 8443})
    docker = DockerSettings(daemon={"insecure-registries": ["other.moor.test", name]})
    host = Host("ws1", data={"registry": registry, "docker": docker}, defaults=Defaults())
    with pytest.raises(InputError, match=rf"data\.docker\.daemon\.insecure-registries: {name}: .*remove the entry"):
        desired(host)


@contextmanager
def serving(files: Files) -> Iterator[tuple[int, list[bytes]]]:
    """Serve TLS on loopback; what a client got through to say is kept."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    heard: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = door.accept()
            except OSError:
                return
            connection.settimeout(5)
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    heard.append(secured.recv(4096))
                    secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            except OSError:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield door.getsockname()[1], heard
        finally:
            door.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(("served", "trusted"), [(NAME, True), (NAME, False), ("other.moor.test", True)])
def test_harbor_hears_a_login_only_where_its_certificate_is_the_fleets_and_its_own(
    tmp_path: Path, served: str, trusted: bool
) -> None:
    ours, theirs = (make_authority(CertificateNames((served,)), 9, utc_now()) for _ in range(2))
    files = written(
        tmp_path, (ours if trusted else theirs).certificate, issue(ours, CertificateNames((served,)), 5, utc_now())
    )
    with serving(files) as (port, heard):
        plugin = HarborPlugin()
        url, trust = f"https://{NAME}:{port}/health", ssl.create_default_context(cafile=str(files.ca))
        plugin.open("127.0.0.1", "admin", "correct-horse", port, None, {"name": NAME, "trust": trust})
        asked = Healthy(url, lambda status, body: {}, "127.0.0.1", lambda: trust)._ask
        try:
            if trusted and served == NAME:
                assert plugin.connection.blob("demo/web", "sha256:0") == {}
                assert asked()[0] == 200
            else:
                with pytest.raises(HarborUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
                    plugin.connection.blob("demo/web", "sha256:0")
                with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                    asked()
                assert heard == []
        finally:
            plugin.close()
