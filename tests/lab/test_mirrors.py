"""Mirrors on a fleet whose Harbor is up: the whole way by moor's commands, and on when the other registry is down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from moor.connections.apis.harbor import Harbor
from tests.lab.cached_registry import IMAGE, Upstream, front, upstream_registry
from tests.lab.central_registry import REPOSITORY
from tests.lab.conftest import Moored
from tests.lab.diagnosing import administrator
from tests.lab.writing import sections_laid_over

pytestmark = pytest.mark.lab

API, HUB, PAUSE = "/api/v2.0", "docker.io", "registry.k8s.io"
NODES = ("cp1", "node1", "node2", "node3")
FILE = f"/etc/containerd/certs.d/{HUB}/hosts.toml"
HOSTS, CACHE, ENDPOINT = f"edit:{FILE}#mirror", f"project:{HUB}", f"registry:{HUB}"


@pytest.fixture
def upstream(moored: Moored, tmp_path: Path) -> Iterator[Upstream]:
    with upstream_registry(tmp_path / "upstream", str(moored.lab.fleet.machine)) as served:
        yield served


@pytest.fixture
def harbor(moored: Moored) -> Iterator[Harbor]:
    """Yield a client of Harbor; the cache is gone at the end."""
    client = administrator(moored)
    try:
        yield client
        repository = quote(quote(REPOSITORY, safe=""), safe="")
        client.ask("DELETE", f"{API}/projects/{HUB}/repositories/{repository}")
        client.change("DELETE", f"{API}/projects/{HUB}", None)
        (number,) = [one["id"] for one in client.ask("GET", f"{API}/registries").json() if one["name"] == HUB]
        client.change("DELETE", f"{API}/registries/{number}", None)
    finally:
        client.close()


def sections(upstream: Upstream, **mirror: Any) -> dict[str, dict[str, Any]]:
    return {
        "mirrors": {HUB: {"prove": IMAGE, **mirror}},
        "harbor_system": {"registries": {HUB: {"url": upstream.url, "type": "docker-registry"}}},
    }


def proofs(moored: Moored, *words: str) -> dict[str, str]:
    """Verify, and return how the proof of the mirror ended, by host."""
    report = moored.moor("verify", "--output", "json", *words).report
    return {
        name: one["status"]
        for name, host in report["hosts"].items()
        for one in host["resources"]
        if one["id"] == f"proof:mirror:{HUB}"
    }


def test_nodes_and_docker_pull_through_harbor_and_go_on_when_the_other_registry_is_down(
    moored: Moored, upstream: Upstream, harbor: Harbor, tmp_path: Path
) -> None:
    machine, registry = str(moored.lab.fleet.machine), str(moored.lab.machine("harbor1").host.address)
    ca = moored.lab.exec("node1", ["sh", "-c", "cat /etc/containerd/certs.d/registry.moor.test/ca.crt"])
    with front(tmp_path / "front", machine, registry, ca) as hub, docker_as_it_was(moored):
        trust_front(moored, hub, tmp_path / "front/hub.crt")
        with sections_laid_over(moored, sections(upstream, front=hub)):
            assert {ENDPOINT, CACHE, HOSTS, "docker-mirror:running"} <= set(moored.moor.planned())
            before = started(moored)
            moored.moor.applied("registry")
            moored.moor.applied("mirrors")
            assert moored.moor.planned() == []
            assert started(moored) == before  # nothing was restarted for it

            assert proofs(moored) == dict.fromkeys((*NODES, "ws1"), "ok")
            kept = harbor.ask("GET", f"{API}/projects/{HUB}/repositories").json()
            assert [one["name"] for one in kept] == [f"{HUB}/{REPOSITORY}"]
            upstream.stop()
            assert proofs(moored) == dict.fromkeys((*NODES, "ws1"), "ok")

            bent = f"sed -i 's|^server.*|server = \"https://registry-1.docker.io\"|' {FILE}"
            moored.lab.exec("node2", ["sh", "-c", bent])
            assert moored.moor.planned("mirrors") == [HOSTS]
            moored.moor.applied("mirrors")
            moored.lab.exec("node2", ["sh", "-c", f"sed -i 's|v2/docker.io|v2/none|' {FILE}"])
            said = moored.moor("verify", "--quiet", "--limit", "node2").said
            assert f"mirror:{HUB}: {HUB}/{IMAGE} by containerd: it is not pulled" in said
            moored.moor.applied("mirrors")
        with sections_laid_over(moored, {"mirrors": {}}):
            gone = {f"unlisted-mirrors:/etc/{runtime}/certs.d" for runtime in ("containerd", "docker")}
            assert set(moored.moor.planned("mirrors")) == gone
        planned = moored.moor("remove", "mirrors", "--plan", "--output", "json")  # the section is gone too
        changes = [r for host in planned.report["hosts"].values() for r in host["resources"] if r["status"] == "drift"]
        assert {change["id"] for change in changes} == gone
        done = moored.moor("remove", "mirrors", "--yes", "--quiet")
        assert done.returncode == 0, done.said
        assert moored.moor("remove", "mirrors", "--plan", "--quiet").returncode == 0
        assert moored.lab.exec("node2", ["sh", "-c", f"ls {FILE} 2>&1 || :"]).startswith("ls: ")


@contextmanager
def docker_as_it_was(moored: Moored) -> Iterator[None]:
    """Give daemon.json of the workstation its former content at the end, and have Docker read it."""
    file = "/etc/docker/daemon.json"
    moored.lab.exec("ws1", ["sh", "-c", f"[ ! -e {file} ] || cp -a {file} /run/daemon.json"])
    try:
        yield
    finally:
        back = f"[ -e /run/daemon.json ] && mv /run/daemon.json {file} || echo '{{}}' > {file}"
        quiet = f"touch -d '2020-01-01' {file}"  # so that Docker is not older than it
        moored.lab.exec("ws1", ["sh", "-c", f"{back}; {quiet}; systemctl reload docker"])


def trust_front(moored: Moored, hub: str, certificate: Path) -> None:
    place = f"/etc/docker/certs.d/{hub.removeprefix('https://')}"
    moored.lab.exec("ws1", ["sh", "-c", f"mkdir -p {place}; cat > {place}/ca.crt"], certificate.read_text())


def started(moored: Moored) -> list[str]:
    """Return the main process of each runtime."""
    units = [(name, "containerd") for name in NODES] + [("ws1", "docker")]
    return [moored.lab.exec(name, ["systemctl", "show", "-p", "MainPID", "--value", unit]) for name, unit in units]
