"""Harbor's stand-in on a host of its own: installed as a release is, compared through nginx, and rebooted."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from moor.pki.authority import CertificateNames, issue, make_authority, utc_now
from moor.pki.pem import plain_key
from moor_lab.harbor.images import build_installer
from moor_lab.lab import Lab
from tests.harness.labs import fleet_of_lab
from tests.harness.waiting import until
from tests.lab_harbor.contract import NEEDS_A_FAULT, Outcome, replay
from tests.lab_harbor.replay import Exchange, Replayer
from tests.lab_harbor.standin import ADMIN_PASSWORD

pytestmark = pytest.mark.lab

HOST = "harbor1"
PACKAGES = ("docker.io", "docker-cli", "docker-compose", "iptables", "curl")
CONFIGURE = r"""
cd /opt && tar xzf /tmp/installer.tgz && cd harbor
sed -e "s|^hostname:.*|hostname: $1|" -e "s|/your/certificate/path|/etc/harbor/server.crt|" \
    -e "s|/your/private/key/path|/etc/harbor/server.key|" -e "s|^harbor_admin_password:.*|harbor_admin_password: $2|" \
    harbor.yml.tmpl >harbor.yml
TERM=dumb ./install.sh
"""


@dataclass
class Installed:
    """A host with the stand-in, and a client that trusts its certificate."""

    lab: Lab
    client: httpx.Client

    def run(self, command: str, *words: str, stdin: str = "") -> str:
        return self.lab.exec(HOST, ["sh", "-ec", command, "sh", *words], stdin, 300)

    def compose(self, *words: str) -> str:
        return self.run('cd /opt/harbor && docker compose "$@"', *words)

    @property
    def states(self) -> dict[str, str]:
        """Container to its state: running, exited, restarting ..."""
        lines = self.run("docker ps -a --format '{{.Names}} {{.State}}'").splitlines()
        return dict((name, state) for name, _, state in (line.partition(" ") for line in lines))

    def wait_healthy(self, limit_s: float = 60) -> None:
        wait_for(lambda: self.health() == "healthy", limit_s)

    def health(self) -> str:
        answer = self.client.get("/api/v2.0/health")
        self.client.cookies.clear()
        return str(answer.json()["status"]) if answer.status_code == 200 else "none"


def wait_for(condition: Callable[[], bool], limit_s: float = 60) -> None:
    """Wait for a condition; an answer that does not come is one that is not true yet."""

    def holds() -> bool:
        with suppress(httpx.HTTPError):
            return condition()
        return False

    until(holds, limit_s=limit_s, pause_s=0.2)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    lab = Lab(fleet_of_lab("harbor-standin"))
    lab.down(secrets=True)
    try:
        lab.up([HOST])
        address = lab.machine(HOST).host.address
        authority = make_authority(CertificateNames(("registry.moor.test",), (address,)), 2, utc_now())
        pair = issue(authority, CertificateNames(("registry.moor.test",), (address,)), 1, utc_now())
        trust = ssl.create_default_context(cadata=authority.pem)
        with httpx.Client(base_url=f"https://{address}", verify=trust, timeout=60) as client:
            host = Installed(lab, client)
            host.run('apt-get -qq -y --no-install-recommends install "$@" >/dev/null 2>&1', *PACKAGES)
            host.run("mkdir -p /etc/harbor /data/ca_download")
            contents = {"server.crt": pair.pem, "server.key": plain_key(pair.key).reveal()}
            for name, content in contents.items():
                host.run('cat >"/etc/harbor/$1"', name, stdin=content)
            host.run("cat >/data/ca_download/ca.crt", stdin=authority.pem)
            send(lab, build_installer(lab.cache))
            host.run(CONFIGURE, str(address), ADMIN_PASSWORD)
            yield host
    finally:
        lab.down(secrets=True)


def send(lab: Lab, installer: Path) -> None:
    with installer.open("rb") as content:
        argv = [*lab.ssh_argv(HOST), "cat >/tmp/installer.tgz"]
        subprocess.run(argv, stdin=content, check=True, timeout=120)


def test_install_sh_ends_before_harbor_is_well_and_harbor_becomes_well(installed: Installed) -> None:
    installed.wait_healthy()
    wait_for(lambda: set(installed.states.values()) == {"running"})
    assert set(installed.states) == {
        *("harbor-core", "harbor-db", "harbor-jobservice", "harbor-log", "harbor-portal"),
        *("nginx", "redis", "registry", "registryctl"),
    }


def test_an_unknown_flag_prints_usage_and_exits_1(installed: Installed) -> None:
    said = installed.run("cd /opt/harbor && { ./install.sh --with-notary && echo taken || echo refused $?; }")
    assert "Usage" in said
    assert "refused 1" in said


def test_through_nginx_with_parts_stopped_it_answers_as_harbor_did(installed: Installed) -> None:
    installed.wait_healthy()
    host = installed.client.base_url.host
    outcome = replay(Replayer(installed.client, host, {"admin": ADMIN_PASSWORD}), Faults(installed).before)
    installed.compose("start")
    # Without another registry to replicate from, more differs; the contract's own test has one, and compares all.
    assert not outcome.different.keys() & NEEDS_A_FAULT, outcome.surprises
    assert matched(outcome) >= NEEDS_A_FAULT - {"core-starting"}


def matched(outcome: Outcome) -> set[str]:
    return set(outcome.same)


@dataclass
class Faults:
    """Stops and starts parts as they were when exchanges were recorded."""

    installed: Installed

    def before(self, exchange: Exchange) -> bool:
        label = exchange.label
        if label == "down-registry-health":
            self.installed.compose("stop", "registry")
        if label == "down-jobservice-health":
            self.installed.compose("start", "registry")
            self.installed.compose("stop", "jobservice")
        if label == "down-core-api":
            self.installed.compose("start", "jobservice")
            self.installed.compose("stop", "core")
        if label == "core-starting":
            self.installed.compose("start", "core")
            self.installed.wait_healthy()
        # the first was recorded before core answered, the second when it did; expiry was put into the database by hand
        return label not in ("core-starting", "v2-robot-expired")


def test_after_a_reboot_containers_that_log_stay_down_until_compose_starts_them(installed: Installed) -> None:
    """The bug of Harbor's own compose file that moor's unit mends: restart: always does not heed depends_on."""
    installed.wait_healthy()
    installed.lab.machine(HOST).kill()
    installed.lab.up([HOST])
    wait_for(lambda: "running" in installed.states.values())
    errors = installed.run("docker inspect -f '{{.State.Error}}' $(docker ps -aq)")
    stays_down = "failed to initialize logging driver" in errors
    installed.compose("up", "-d")
    installed.wait_healthy()
    if stays_down:  # which ones lose the race with the log service is up to Docker
        assert set(installed.states.values()) == {"running"}
    projects = installed.client.get("/api/v2.0/projects", auth=("admin", ADMIN_PASSWORD)).json()
    assert projects, "what was stored is there after a reboot"


def test_a_new_certificate_is_not_served_before_prepare_ran(installed: Installed) -> None:
    installed.wait_healthy()
    before = installed.run("sha256sum </data/secret/cert/server.crt")
    installed.run("printf '\\n' >>/etc/harbor/server.crt")
    installed.compose("restart", "proxy")
    assert installed.run("sha256sum </data/secret/cert/server.crt") == before
    installed.run("cd /opt/harbor && ./prepare")
    assert installed.run("sha256sum </data/secret/cert/server.crt") != before
