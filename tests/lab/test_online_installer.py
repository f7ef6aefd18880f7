"""Harbor by its online installer: images through Docker's proxy, and Harbor up while they cannot be pulled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moor.tasks.docker.install import PROXY_FILE, install_docker
from moor.tasks.harbor.install import install_harbor
from moor.tasks.names.hosts import write_hosts
from moor.tasks.preflight.hosts import check_host
from moor_lab.harbor.images import build_online_installer, images, reference
from moor_lab.harbor.release import FIRST
from moor_lab.lab import Lab
from tests.lab.image_mirror import MIRROR, PORT, ProxiedMirror, push
from tests.lab.sites import Site, changed

pytestmark = pytest.mark.lab

HOST, DIRECTORY = "harbor1", "/opt/harbor"
PULLED, PREPARED = f"pulled-images:{DIRECTORY}", f"prepared:{DIRECTORY}"
LOGIN = "mirror:p@ss word"


@pytest.fixture
def mirror(lab: Lab, tmp_path: Path) -> ProxiedMirror:
    (tmp_path / "mirror").mkdir()
    return ProxiedMirror(tmp_path / "mirror", str(lab.fleet.machine))


@pytest.fixture
def site(lab: Lab, tmp_path: Path, mirror: ProxiedMirror) -> Iterator[Site]:
    """Return a site of a bare host whose Harbor is to come from the online installer."""
    lab.reset(HOST)
    for name, word in (("admin", "Adm1nWord"), ("login", LOGIN)):
        (tmp_path / name).write_text(word)
        (tmp_path / name).chmod(0o600)
    site = write(Site(lab, tmp_path / "site"), mirror)
    site.certify()
    yield site
    lab.reset(HOST)


def write(site: Site, mirror: ProxiedMirror, **options: object) -> Site:
    folder = site.folder.parent
    proxy = {"url": mirror.proxy, "login": f"file:{folder}/login"}
    return site.write(
        docker={"daemon": {"registry-mirrors": [MIRROR]}, "proxy": proxy},
        harbor={
            "installer": str(build_online_installer(folder)),
            "admin_password": f"file:{folder}/admin",
            "options": options,
        },
    )


def run(site: Site, script: str) -> str:
    return site.lab.exec(HOST, ["sh", "-ec", script]).strip()


def test_harbor_comes_from_images_that_docker_pulls_through_its_proxy_and_stays_up_without_them(
    site: Site, mirror: ProxiedMirror
) -> None:
    (unreached,) = site.plan(check_host, HOST).values()
    assert "requirement:images-registry" in [one.id for one in unreached.resources if one.status == "failed"]
    assert f"does not reach {mirror.address}:{PORT} for them" in unreached.error

    with mirror.serving("full") as registry:
        push(images(site.lab.cache), registry)
        assert site.plan(check_host, HOST)[HOST].error == ""
        site.apply(write_hosts, HOST)
        site.apply(install_docker, HOST)
        assert run(site, f"stat -c %a {PROXY_FILE}") == "600"
        applied = site.apply(install_harbor, HOST)[HOST]
        assert applied.error == ""
        assert {PULLED, PREPARED, "service:harbor.service"} <= set(changed(applied))
        for task in (check_host, install_docker, install_harbor):
            assert changed(site.plan(task, HOST)[HOST]) == []
    proxied = (mirror.folder / "access.log").read_text()
    assert f"GET {MIRROR}/v2/goharbor/harbor-core/manifests/" in proxied

    # what is there needs no registry any more
    assert site.plan(check_host, HOST)[HOST].error == ""
    portal = reference("harbor-portal", FIRST)
    run(site, f"docker tag {portal} kept:1 && docker rmi {portal}")
    write(site, mirror, log={"level": "debug"})
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
