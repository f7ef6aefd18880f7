"""Docker on the registry host and on a workstation: absent, wrong, right, put back."""

from __future__ import annotations

from pathlib import Path

import pytest

from moor.tasks.docker.install import CERTS, install_docker
from moor.tasks.docker.verification import DAEMON
from moor.tasks.names.hosts import write_hosts
from moor_lab.lab import Lab
from tests.lab.answering import PORT, answering
from tests.lab.sites import NAME, Site, changed

pytestmark = pytest.mark.lab

DIRECTORY = f"{CERTS}/{NAME}:{PORT}"
PACKAGE, SERVICE = "package:docker.io+docker-cli+docker-compose", "service:docker"
CA, ALONE, EDIT = f"file:{DIRECTORY}/ca.crt", f"ca-alone:{DIRECTORY}", f"edit:{DAEMON}#settings"
RESTART = "systemctl reset-failed docker; systemctl restart docker"
PULL = f"docker pull {NAME}:{PORT}/demo/none:1 2>&1 || :"


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Site:
    """Return a site whose registry is this machine, on a port of its own."""
    site = write(Site(lab, tmp_path / "site"))
    site.certify()
    return site


def write(site: Site, **sections: object) -> Site:
    registry = {"name": NAME, "address": str(site.lab.fleet.machine), "port": PORT}
    return site.write(registry=registry, **sections)


def shell(lab: Lab, name: str, command: str) -> str:
    return lab.exec(name, ["sh", "-c", command]).strip()


@pytest.mark.parametrize("name", ["harbor1", "ws1"])
def test_a_bare_host_gets_an_engine_with_compose_2_that_trusts_the_registry(lab: Lab, site: Site, name: str) -> None:
    lab.reset(name)
    site.apply(write_hosts, name)
    # as a dpkg leaves it that was killed
    shell(lab, name, "dpkg-query -s base-files >/var/lib/dpkg/updates/0001; ! apt-get -y install curl 2>&1")
    assert changed(site.plan(install_docker, name)[name]) == [PACKAGE, SERVICE, CA]
    assert changed(site.apply(install_docker, name)[name]) == [PACKAGE, SERVICE, CA]
    assert shell(lab, name, "docker compose version --short").startswith("2.")
    assert shell(lab, name, "systemctl is-enabled docker") == "enabled"
    with answering(site):
        assert "manifest unknown" in shell(lab, name, PULL)
    assert changed(site.plan(install_docker, name)[name]) == []


def test_what_a_handbook_copies_beside_the_ca_is_named_and_removed(lab: Lab, site: Site) -> None:
    site.apply(write_hosts, "ws1")
    site.apply(install_docker, "ws1")
    shell(lab, "ws1", f"cd {DIRECTORY} && echo x > {NAME}.cert && echo x > old.crt")
    with answering(site):
        assert "key" in shell(lab, "ws1", PULL)
        report = site.plan(install_docker, "ws1")["ws1"]
        assert changed(report) == [ALONE]
        assert [r.diff for r in report.resources if r.diff] == [f"beside ca.crt: old.crt, {NAME}.cert -> nothing"]
        site.apply(install_docker, "ws1")
        assert "manifest unknown" in shell(lab, "ws1", PULL)
    assert shell(lab, "ws1", f"ls {DIRECTORY}") == "ca.crt"


def test_a_new_ca_reaches_docker_without_a_restart(lab: Lab, site: Site) -> None:
    site.apply(write_hosts, "ws1")
    site.apply(install_docker, "ws1")
    pid = shell(lab, "ws1", "systemctl show -p MainPID --value docker")
    renewed = write(Site(lab, site.folder.with_name("renewed")))
    renewed.certify()
    assert changed(renewed.apply(install_docker, "ws1")["ws1"]) == [CA]
    with answering(renewed):
        assert "manifest unknown" in shell(lab, "ws1", PULL)
    assert shell(lab, "ws1", "systemctl show -p MainPID --value docker") == pid


def test_settings_restart_docker_once_and_those_that_it_refuses_never_stay(lab: Lab, site: Site) -> None:
    write(site, docker={"daemon": {"log-opts": {"max-size": "10m"}}})
    assert EDIT in changed(site.apply(install_docker, "ws1")["ws1"])
    assert changed(site.plan(install_docker, "ws1")["ws1"]) == []
    good = shell(lab, "ws1", f"cat {DAEMON}")

    write(site, docker={"daemon": {"log-opts": {"max-size": "10m"}, "no-such-setting": True}})
    assert "refused by its own check" in site.apply(install_docker, "ws1")["ws1"].error

    write(site, docker={"daemon": {"storage-driver": "none-such"}})
    error = site.apply(install_docker, "ws1")["ws1"].error
    assert "docker did not come up with the new files; the former ones are back and it runs" in error
    assert shell(lab, "ws1", f"cat {DAEMON}; docker info >/dev/null && echo works") == f"{good}\nworks"


def test_packages_that_cannot_be_had_are_told_by_name(lab: Lab, site: Site) -> None:
    write(site, docker={"packages": ["docker-ce"]})
    error = site.apply(install_docker, "ws1")["ws1"].error
    assert error.startswith("package:docker-ce: mending failed")
    assert "docker-ce" in error.partition("mending failed")[2]


def test_an_engine_that_is_told_not_to_check_the_registry_is_refused_as_long_as_it_is(lab: Lab, site: Site) -> None:
    site.apply(install_docker, "ws1")
    kept = shell(lab, "ws1", f"cat {DAEMON} 2>/dev/null || :")
    network = str(lab.fleet.network)
    try:
        shell(
            lab,
            "ws1",
            f"""echo '{{"insecure-registries": ["{network}"]}}' > {DAEMON}; {RESTART}""",
        )
        error = site.plan(install_docker, "ws1")["ws1"].error
        assert f"{DAEMON}: insecure-registries has '{network}', so that Docker checks no certificate of {NAME}" in error
        shell(lab, "ws1", f"echo '{{}}' > {DAEMON}")
        assert f"the running dockerd checks no certificate of {NAME} ({network}" in (
            site.plan(install_docker, "ws1")["ws1"].error
        )
        shell(lab, "ws1", "systemctl reload docker")  # keeps what it had
        assert "run: systemctl restart docker" in site.plan(install_docker, "ws1")["ws1"].error
        shell(lab, "ws1", RESTART)
        assert changed(site.plan(install_docker, "ws1")["ws1"]) == []
    finally:
        shell(
            lab,
            "ws1",
            f"printf %s '{kept}' > {DAEMON}; [ -s {DAEMON} ] || rm -f {DAEMON}; {RESTART}",
        )
