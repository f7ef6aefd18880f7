"""A host without any way out gets what it needs from a bundle, and from an altered one nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moor.tasks.bundle.packages import PLACE
from moor.tasks.docker.install import install_docker
from moor.tasks.names.hosts import write_hosts
from moor_lab.lab import Lab
from tests.harness.commands import moor_here
from tests.lab.answering import PORT
from tests.lab.carried import lab_packages
from tests.lab.sites import NAME, Site, changed

pytestmark = pytest.mark.lab

PACKAGE = "package:docker.io+docker-cli+docker-compose"
STATE = (
    "find /etc/apt /opt/moor-lab /var/lib/moor -type f ! -path '*/runs/*' 2>/dev/null | sort; dpkg-query -W | sha256sum"
)


def shell(lab: Lab, name: str, command: str) -> str:
    return lab.exec(name, ["sh", "-c", command]).strip()


def carrying(lab: Lab, folder: Path) -> Site:
    """Return a site whose bundle has the packages of the lab's own image, since the lab has no internet."""
    folder.mkdir()
    packages = lab_packages(lab, "ws1", folder)
    registry = {"name": NAME, "address": str(lab.fleet.machine), "port": PORT}
    site = Site(lab, folder, {"harbor": ("harbor1",), "workstations": ("ws1",)})
    site.write(registry=registry, bundle={"file": "fleet.bundle", "packages": packages})
    site.certify()
    return site


@pytest.fixture
def _bare(lab: Lab) -> Iterator[None]:
    """Have a workstation with nothing on it, which other tests find again as they left it: bare."""
    lab.reset("ws1")
    yield
    lab.reset("ws1")


@pytest.mark.usefixtures("_bare")
def test_a_bare_host_is_installed_from_the_bundle_and_from_an_altered_one_nothing_is(lab: Lab, tmp_path: Path) -> None:
    site = carrying(lab, tmp_path / "site")
    done = moor_here(site.folder, "bundle", "create", "--without", "installer,image,moor")
    assert done.returncode == 2, done.said
    shell(lab, "ws1", "rm -rf /opt/moor-lab/apt/*.deb /opt/moor-lab/apt/Packages /var/lib/apt/lists/*")
    site.apply(write_hosts, "ws1")
    before = shell(lab, "ws1", STATE)

    bundle = site.folder / "fleet.bundle"
    whole = bundle.read_bytes()
    at = whole.index(b"docker.io_") + len(whole) // 2
    bundle.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    refused = moor_here(site.folder, "apply", "docker", "--yes", "--limit", "ws1")
    assert refused.returncode == 1
    assert ".deb is not what its manifest says" in refused.stderr
    assert shell(lab, "ws1", STATE) == before

    bundle.write_bytes(whole)
    assert PACKAGE in changed(site.plan(install_docker, "ws1")["ws1"])
    assert shell(lab, "ws1", STATE) == before
    assert PACKAGE in changed(site.apply(install_docker, "ws1")["ws1"])
    assert shell(lab, "ws1", "docker compose version --short").startswith("2.")
    assert shell(lab, "ws1", f"ls -d {PLACE} 2>/dev/null; apt-cache policy docker.io | grep -c moor || :") == "0"
    assert shell(lab, "ws1", "find /etc/apt -type f | sort") in before
    assert changed(site.plan(install_docker, "ws1")["ws1"]) == []

    lacking = moor_here(site.folder, "bundle", "check")
    assert lacking.returncode == 2
    assert "installer: left out" in lacking.stdout
