"""What real hosts lack is found before anything changes on them, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from moor.tasks.preflight.hosts import check_host
from moor_lab.lab import Lab
from tests.lab.sites import GROUPS, Site, changed

pytestmark = pytest.mark.lab

# A host's clock cannot differ from its kernel's, so its date command tells a wrong one.
SPOIL = """\
printf 'ID=void\\nPRETTY_NAME="Void"\\n' > /etc/os-release.new && mv /etc/os-release.new /etc/os-release
printf '#!/bin/sh\\nexec /bin/date -d "@$(( $(/bin/date +%s) - 3600 ))" "$@"\\n' > /usr/local/bin/date
printf '#!/bin/sh\\necho podman version 5.4\\n' > /usr/local/bin/docker
chmod +x /usr/local/bin/date /usr/local/bin/docker
systemd-run --quiet --unit=web busybox httpd -f -p 80 -h /srv
systemd-run --quiet --unit=log busybox httpd -f -p 127.0.0.1:1514 -h /srv
for i in 1 2 3 4 5 6 7 8 9 10; do ss -Hltn | grep -q :1514 && ss -Hltn | grep -q :80 && exit 0; sleep 0.2; done
exit 1
"""


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Site:
    return Site(lab, tmp_path / "site").write()


def test_a_bare_fleet_has_what_the_job_needs(site: Site) -> None:
    names = {name for members in GROUPS.values() for name in members}
    for name, report in site.apply(check_host, *names).items():
        assert changed(report) == [], name
        assert report.resources


@pytest.mark.parametrize("dry", [True, False])
def test_all_that_a_host_lacks_is_told_at_once(lab: Lab, site: Site, dry: bool) -> None:
    lab.reset("harbor1")
    try:
        lab.exec("harbor1", ["sh", "-c", SPOIL])
        site.write(preflight={"registry_free_mb": 10**9})
        report = (site.plan if dry else site.apply)(check_host, "harbor1")["harbor1"]
        told = dict(line.removeprefix("requirement:").split(": ", 1) for line in report.error.splitlines())
        assert list(told) == ["system", "clock", "disk:/var/lib/docker", "disk:/data", "ports", "docker"]
        assert told["system"].startswith("it runs Void; moor knows ")
        assert "s behind the controller's" in told["clock"]
        assert "MB free on /" in told["disk:/data"]
        assert "port 80 is taken by busybox (pid " in told["ports"]
        assert "port 127.0.0.1" not in told["ports"]
        assert "port 1514 is taken by busybox (pid " in told["ports"]
        assert told["docker"].startswith("the command docker is something else (podman version 5.4)")
    finally:
        lab.reset("harbor1")


def test_what_the_registry_host_lacks_does_not_concern_a_workstation(lab: Lab, site: Site) -> None:
    lab.exec("ws1", ["systemd-run", "--quiet", "--unit=web", "busybox", "httpd", "-f", "-p", "80"])
    try:
        assert changed(site.apply(check_host, "ws1")["ws1"]) == []
    finally:
        lab.exec("ws1", ["systemctl", "stop", "web"])
