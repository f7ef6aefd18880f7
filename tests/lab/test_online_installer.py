"""A new site of ``moor init --harbor`` on bare hosts, whose Harbor comes from the online installer.

Its images come through Docker's proxy, Harbor stays up while they cannot be pulled, and a node pulls from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from moor.tasks.docker.install import PROXY_FILE
from moor.tasks.harbor.install import install_harbor
from moor.tasks.preflight.hosts import check_host
from moor_lab.harbor.images import build_online_installer, images, reference
from moor_lab.harbor.release import FIRST
from moor_lab.lab import Lab
from tests.harness.commands import ended_here, moor_here
from tests.harness.sites import DEFAULTS, write_site
from tests.lab.image_mirror import MIRROR, PORT, ProxiedMirror, push
from tests.lab.sites import NAME, Site, changed

pytestmark = pytest.mark.lab

HOST, NODE, DIRECTORY = "harbor1", "node1", "/opt/harbor"
PULLED, PREPARED = f"pulled-images:{DIRECTORY}", f"prepared:{DIRECTORY}"
LOGIN = "mirror:p@ss word"


@pytest.fixture
def mirror(lab: Lab, tmp_path: Path) -> ProxiedMirror:
    (tmp_path / "mirror").mkdir()
    return ProxiedMirror(tmp_path / "mirror", str(lab.fleet.machine))


@pytest.fixture
def site(lab: Lab, tmp_path: Path, mirror: ProxiedMirror) -> Iterator[Site]:
    """Return a site that ``moor init`` has written of two bare hosts, with Docker's proxy added."""
    for name in (HOST, NODE):
        lab.reset(name)
    write_site(tmp_path, {}, {"login": LOGIN})
    site = Site(lab, tmp_path / "site")
    address = {name: str(lab.machine(name).host.address) for name in (HOST, NODE)}
    words = {
        "--registry": NAME,
        "--harbor": f"{HOST}={address[HOST]}",
        "--nodes": f"{NODE}={address[NODE]}",
        "--installer": str(build_online_installer(tmp_path)),
        "--project": "demo",
        "--user": "ops",
        "--key": str(lab.key),
    }
    written = ended_here(["init", str(site.folder), *(one for pair in words.items() for one in pair)])
    assert written.returncode == 0, written.said
    assert "to bring:" not in written.stdout
    proxy = {"url": mirror.proxy, "login": f"file:{tmp_path}/login"}
    add(site, docker={"daemon": {"registry-mirrors": [MIRROR]}, "proxy": proxy})
    yield site
    lab.reset(HOST)


def add(site: Site, **sections: dict[str, object]) -> None:
    """Write keys of sections into the site's defaults."""
    path = site.folder / DEFAULTS
    tree = YAML(typ="safe", pure=True).load(path.read_text())
    for section, keys in sections.items():
        tree["data"][section] = {**tree["data"].get(section, {}), **keys}
    write_site(site.folder, {DEFAULTS: tree})


def run(site: Site, script: str) -> str:
    return site.lab.exec(HOST, ["sh", "-ec", script]).strip()


def test_what_init_writes_makes_a_harbor_by_dockers_proxy_from_which_a_node_pulls(
    site: Site, mirror: ProxiedMirror
) -> None:
    checked = moor_here(site.folder, "check", "--accept-new-host-keys")
    assert checked.returncode == 1
    assert f"{HOST}: requirement:images-registry: " in checked.stdout
    assert f"does not reach {mirror.address}:{PORT} for them" in checked.stdout
    assert f"{NODE}    reached" in checked.stdout

    with mirror.serving("full") as registry:
        push(images(site.lab.cache), registry)
        done = moor_here(site.folder, "apply", "--yes", "--output", "json")
        assert done.returncode == 0, done.said
        assert run(site, f"stat -c %a {PROXY_FILE}") == "600"
        statuses = {one["id"]: one["status"] for one in done.report["hosts"][HOST]["resources"]}
        assert {statuses[name] for name in (PULLED, PREPARED, "service:harbor.service")} == {"changed"}
        planned = moor_here(site.folder, "plan", "--quiet")
        assert planned.returncode == 0, planned.said
        proved = moor_here(site.folder, "verify")
        assert proved.returncode == 0, proved.said
        (row,) = (line.split() for line in proved.stdout.splitlines() if line.startswith(NODE))
        assert set(row[1:]) <= {"ok", "-"}
        assert row.count("ok") > 5
    proxied = (mirror.folder / "access.log").read_text()
    assert f"GET {MIRROR}/v2/goharbor/harbor-core/manifests/" in proxied

    # what is there needs no registry any more
    assert site.plan(check_host, HOST)[HOST].error == ""
    portal = reference("harbor-portal", FIRST)
    run(site, f"docker tag {portal} kept:1 && docker rmi {portal}")
    add(site, harbor={"options": {"log": {"level": "debug"}}})
    before = run(site, "docker ps -q | sort")
    with mirror.serving("empty"):
        failed = site.apply(install_harbor, HOST)[HOST]
    assert f"{portal} cannot be pulled" in failed.error
    statuses = {one.id: one.status for one in failed.resources}
    assert (statuses[PULLED], statuses[PREPARED]) == ("failed", "skipped")
    assert run(site, "docker ps -q | sort") == before

    with mirror.serving("full"):
        assert site.apply(install_harbor, HOST)[HOST].error == ""
        assert changed(site.plan(install_harbor, HOST)[HOST]) == []
