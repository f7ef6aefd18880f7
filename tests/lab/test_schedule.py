"""The drift check runs by itself on a controller of the lab's: a real timer of systemd's, and what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.waiting import eventually
from tests.lab.conftest import Moored
from tests.lab.diagnosing import CERTS_D
from tests.lab.joining import one_more
from tests.lab.moored import SHIPPED
from tests.output.receiver import receiver

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        sys.version_info[:2] != (3, 11), reason="the lab's controller has the Python of Debian 12, 3.11"
    ),
]

LIBRARIES, SITE, METRICS = "/opt/moor", "/srv/my fleet", "/var/lib/metrics"
TOOLS = (
    "./mypy*",
    "./ruff*",
    "./selenium*",
    "./hypothesis*",
    "./pytest*",
    "./_pytest",
    "./pip*",
    "./uv*",
    "__pycache__",
)
HOSTS_TOML = f"{CERTS_D}/hosts.toml"


@dataclass(frozen=True)
class Controller:
    """A host with moor on it, and the fleet's site."""

    moored: Moored

    def __call__(self, script: str) -> str:
        return self.moored.lab.exec("ctl", ["sh", "-c", script], timeout_s=120)

    def moor(self, words: str) -> str:
        return self(f"python3 -m moor {words} --site '{SITE}' 2>&1; echo exit $?")

    def gets(self, source: Path, names: list[str], target: str, *words: str) -> None:
        """Copy files below ``source``; links as what they lead to."""
        packed = ["tar", "-c", "-h", "-C", str(source), *words, *names]
        unpacked = [
            *self.moored.lab.ssh_argv("ctl"),
            f"sudo mkdir -p '{target}' && sudo tar -x -C '{target}' --no-same-owner",
        ]
        with subprocess.Popen(packed, stdout=subprocess.PIPE) as sender:
            subprocess.run(unpacked, stdin=sender.stdout, check=True, capture_output=True, timeout=120)
        assert sender.returncode == 0


@pytest.fixture
def controller(moored: Moored) -> Iterator[Controller]:
    lab = moored.lab
    with one_more(lab, "ctl", 5, "bookworm", role=False):
        made = Controller(moored)
        excluded = [f"--exclude={name}" for name in TOOLS]
        made.gets(Path(sysconfig.get_path("purelib")), ["."], LIBRARIES, *excluded)
        made.gets(SHIPPED, ["moor", "tasks", "runbooks", "templates", "moor_lab"], LIBRARIES, "--exclude=__pycache__")
        made.gets(moored.moor.site, ["config.yaml", "inventory", "moor_lab", ".moor"], SITE, "--exclude=history.db*")
        parts = [
            "id_ed25519",
            "known_hosts",
            "secrets",
            "kubeconfig",
            *(path.name for path in lab.directory.glob("*.t*")),
        ]
        made.gets(lab.directory, parts, str(lab.directory))
        made(f"echo {LIBRARIES} > /usr/local/lib/python3.11/dist-packages/moor.pth; mkdir {METRICS}")
        yield made


def timer_of(installed: str) -> tuple[str, str]:
    """Return the timer that ``moor schedule`` says it has started, and its service."""
    (timer,) = (line.split()[-1] for line in installed.splitlines() if line.startswith("started "))
    return timer, timer.replace(".timer", ".service")


def fired(controller: Controller, timer: str) -> str:
    """Let a timer fire in a second, and return how its service ended and what it said."""
    service, soon = timer.replace(".timer", ".service"), f"/etc/systemd/system/{timer}.d"
    controller(f"mkdir {soon}; printf '[Timer]\\nOnActiveSec=1s\\nRandomizedDelaySec=0\\n' > {soon}/soon.conf")
    controller(f"systemctl daemon-reload; systemctl restart {timer}")
    state = f"systemctl show -p ExecMainStatus,ExecMainExitTimestamp,Result --value {service}"
    assert eventually(lambda: "UTC" in controller(state), 90), controller(f"journalctl -u {service} --no-pager")
    return controller(f"{state}; journalctl -q -o cat -u {service}")


def backed_up_by_itself(controller: Controller) -> None:
    """Check that a scheduled backup is made by its timer, and is whole."""
    installed = controller.moor(f"schedule backup --every 1d --env-file '{SITE}/env'")
    assert "exit 0" in installed, installed
    said = fired(controller, timer_of(installed)[0])
    assert "success" in said.splitlines()[:3], said
    (backup,) = json.loads(controller(f"python3 -m moor backup list --output json --site '{SITE}'"))["backups"]
    assert "whole" in json.dumps(backup), backup
    assert "removed " in controller.moor("schedule remove backup")


def test_the_timer_fires_and_leaves_history_metrics_and_a_notice(controller: Controller) -> None:
    lab = controller.moored.lab
    settings = f"    notify: [env:MOOR_NOTICES]\\n    metrics: {METRICS}/moor.prom\\n"
    controller(f"sed -i 's#^  moor:#&\\n{settings}#' '{SITE}/config.yaml'")
    refused = controller.moor("schedule install --every 1h")
    assert "a scheduled run has no env:MOOR_NOTICES" in refused
    lab.exec("node2", ["sh", "-c", f"echo '# by hand' >> {HOSTS_TOML}"])
    lab.exec("node3", ["sh", "-c", "rm /usr/local/share/ca-certificates/moor-registry-ca.crt"])
    try:
        with receiver(str(lab.fleet.network[1])) as received:
            controller(f"umask 077; echo MOOR_NOTICES={received.url} > '{SITE}/env'")
            installed = controller.moor(f"schedule install --every 1h --apply file --env-file '{SITE}/env'")
            assert "exit 0" in installed, installed
            timer, service = timer_of(installed)
            assert received.url not in controller(f"cat /etc/systemd/system/{service}")
            said = fired(controller, timer)
            assert said.splitlines()[:1] == ["exit-code"] or "2" in said.splitlines()[:3], said
        (notice,) = received.bodies
        assert "new: node3: trust-bundle:moor-registry-ca" in notice
        assert f"mended by moor: node2: file:{HOSTS_TOML}" in notice
        assert "moor_last_run_complete 1.0" in controller(f"cat {METRICS}/moor.prom")
        history = controller.moor("history")
        assert " mend " in history
        assert "trust-bundle:moor-registry-ca  [node3]  drift since " in history
        shown = controller.moor("schedule show")
        assert "exit code 2" in shown
        assert "OnCalendar=*-*-* 0/1:00:00" in shown
        assert "next: " in shown
        assert f"removed /etc/systemd/system/{timer}" in controller.moor("schedule remove")
        backed_up_by_itself(controller)
        assert controller("ls /etc/systemd/system").count("moor-drift") == 1  # the directory of this test's own drop-in
        assert "nothing is scheduled for this site" in controller.moor("schedule show")
    finally:
        controller.moored.moor.applied()
