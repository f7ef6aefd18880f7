"""Harbor is upgraded while nodes pull, goes back when the new release fails, and survives a kill with a reboot."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moor_lab.artifacts import provide_installer
from moor_lab.harbor.release import FIRST, NEXT
from tests.harness.waiting import eventually
from tests.lab.conftest import Moored
from tests.lab.diagnosing import administrator, pusher
from tests.lab.writing import run, written

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

KEPT = "/srv/kept"
FAULT = "/data/ca_download/stand-in-fails"
NODE, IMAGE = "node1", "registry.moor.test/demo/sqrt:small"
# Every pull fetches everything, and says when it ended and how; bounded, should nobody end it.
LOOP = f"""\
n=0; rm -f /run/pulls /run/pulls.end
while [ ! -e /run/pulls.end ] && [ "$n" -lt 5000 ]; do
  n=$((n + 1)); word=pulled
  ctr -n upgrade images pull --hosts-dir /etc/containerd/certs.d --user "admin:$(cat /run/pulls.login)" {IMAGE} \\
    >/dev/null 2>&1 || {{ word=failed; sleep 0.2; }}
  echo "$(date +%s.%N) $word" >>/run/pulls
  ctr -n upgrade images rm --sync {IMAGE} >/dev/null 2>&1; sleep 0.3
done
rm -f /run/pulls.login; ctr namespaces rm upgrade; touch /run/pulls.ended
"""


@pytest.fixture(scope="module")
def installer(moored: Moored) -> str:
    """Return the next release's installer."""
    return str(provide_installer(moored.lab, NEXT))


@pytest.fixture(scope="module")
def copied(moored: Moored) -> None:
    """Keep the host's Harbor and its data as they are now."""
    run(moored, f"cd /opt/harbor && docker compose stop && rm -rf {KEPT} && mkdir {KEPT}")
    run(moored, f"cp -a /opt/harbor /data {KEPT}/ && cd /opt/harbor && docker compose start")
    assert eventually(lambda: moored.moor.planned("harbor") == [], 90)


@pytest.fixture
def kept(moored: Moored, copied: None) -> Iterator[None]:
    """Put the host's Harbor back as it was, as a snapshot of the host would."""
    yield
    run(moored, "cd /opt/harbor && docker compose down; rm -rf /opt/harbor /opt/harbor.upgrade /data/* /data/.moor*")
    run(moored, f"cp -a {KEPT}/harbor /opt/ && cp -a {KEPT}/data/. /data/ && cd /opt/harbor && docker compose up -d")
    assert eventually(lambda: moored.moor.planned("harbor") == [], 120)


@contextmanager
def pulls(moored: Moored, told: list[float]) -> Iterator[None]:
    """Have a node pull with hardly a pause; ``told`` gets how long its pulls failed. They work at the end."""
    assert pusher(moored).small() == IMAGE
    password = (moored.lab.directory / "secrets/harbor-admin").read_text()
    moored.lab.exec(NODE, ["sh", "-c", "umask 077; rm -f /run/pulls.ended; cat >/run/pulls.login"], stdin=password)
    moored.lab.exec(NODE, ["systemd-run", "--quiet", "sh", "-c", LOOP])
    try:
        yield
        pulled = len(lines(moored))
        assert eventually(lambda: len(lines(moored)) > pulled + 1, 30)
    finally:
        moored.lab.exec(NODE, ["touch", "/run/pulls.end"])
    ended = "for i in $(seq 300); do [ ! -e /run/pulls.ended ] || exit 0; sleep 0.2; done; exit 1"
    moored.lab.exec(NODE, ["sh", "-c", ended], timeout_s=90)
    found = lines(moored)
    assert (found[0][1], found[-1][1]) == ("pulled", "pulled")
    failed = [at for at, (_, word) in enumerate(found) if word == "failed"]
    told.append(found[failed[-1] + 1][0] - found[failed[0] - 1][0] if failed else 0.0)


def lines(moored: Moored) -> list[tuple[float, str]]:
    said = moored.lab.exec(NODE, ["cat", "/run/pulls"]) if moored.lab.exec(NODE, ["ls", "/run"]).count("pulls") else ""
    return [(float(line.split()[0]), line.split()[1]) for line in said.splitlines() if len(line.split()) == 2]


def release(moored: Moored) -> str:
    harbor = administrator(moored)
    try:
        return str(harbor.ask("GET", "/api/v2.0/systeminfo").json()["harbor_version"]).partition("-")[0]
    finally:
        harbor.close()


def databases(moored: Moored) -> str:
    return run(moored, "ls /data/database")


def started(moored: Moored) -> str:
    return run(moored, "docker inspect -f '{{.State.StartedAt}}' $(docker ps -q) | sort")


APPLY = (("apply", "harbor", "--yes"),)
EVERY = (("check",), ("plan", "harbor"), *APPLY)  # once for a fault of the releases, and once for one of the data


@pytest.mark.parametrize(
    ("version", "breaking", "mending", "words", "commands"),
    [
        ("v2.8.2", ":", ":", "v2.8.2 is older than v2.8.3", EVERY),
        ("v2.12.4", ":", ":", "the way is v2.8.3 -> 2.10 -> v2.12.4: name an installer of 2.10 first", APPLY),
        (NEXT, "mkdir /data/database/pg14; echo 14 > /data/database/pg14/PG_VERSION", "rm -r /data/database/pg14",
         "pg14 lies beside pg13, which is in use", APPLY),
        (NEXT, "mv /data/database/pg13/PG_VERSION /run/kept", "mv /run/kept /data/database/pg13/PG_VERSION",
         "Harbor would come up with an empty one", EVERY),
    ],
)  # fmt: skip
def test_what_would_lose_data_is_refused_before_anything_changes(
    moored: Moored,
    tmp_path: Path,
    version: str,
    breaking: str,
    mending: str,
    words: str,
    commands: tuple[tuple[str, ...], ...],
) -> None:
    other = tmp_path / f"harbor-offline-installer-{version}.tgz"
    other.symlink_to(moored.lab.directory / f"harbor-offline-installer-{FIRST}.tgz")
    before = started(moored)
    run(moored, breaking)
    try:
        with written(moored, harbor__installer=str(other)):
            for command in commands:
                done = moored.moor(*command)
                assert done.returncode == 1
                assert words in done.stdout
    finally:
        run(moored, mending)
    assert started(moored) == before
    assert run(moored, "ls -d /opt/harbor*") == "/opt/harbor"
    assert moored.moor.planned("harbor") == []


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (
            NEXT,
            r"core is (?:restarting|running), restarted \d+ times\n.*told to fail, after it has migrated the database",
        ),
        (f"{NEXT} loses", r"it holds less than before: artifacts: \d+ -> 0"),
    ],
)
def test_where_the_new_release_fails_the_old_one_is_back_with_its_data(
    moored: Moored, installer: str, fault: str, cause: str
) -> None:
    run(moored, f"echo {fault} > {FAULT}")
    try:
        with written(moored, harbor__installer=installer, harbor__wait_s=45):
            done = moored.moor("apply", "harbor", "--yes")
    finally:
        run(moored, f"rm {FAULT}")
    assert done.returncode == 1
    assert f"{NEXT} was not taken over: " in done.stdout
    assert re.search(cause, done.stdout, re.DOTALL), done.stdout
    assert re.search(rf"{FIRST} runs again, with its data; pulls failed for \d+", done.stdout), done.stdout
    assert (release(moored), databases(moored)) == (FIRST, "pg13")
    assert run(moored, "ls -d /opt/harbor* /data/.moor* 2>/dev/null || :") == "/opt/harbor"
    assert moored.moor.planned("harbor") == []
    assert moored.moor("verify").returncode == 0


@pytest.mark.usefixtures("kept")
def test_an_upgrade_keeps_everything_and_tells_how_long_pulls_failed(moored: Moored, installer: str) -> None:
    measured: list[float] = []
    with written(moored, harbor__installer=installer):
        planned = moored.moor("plan", "harbor").stdout
        for line in (f"release: {FIRST} -> {NEXT}", "postgresql: 13 -> 14", f"+stop {FIRST}, copy its database"):
            assert line in planned
        assert "file:/opt/harbor/harbor.yml" not in planned
        with pulls(moored, measured):
            said = moored.moor.applied("harbor")
        assert moored.moor.planned() == []
        assert (release(moored), databases(moored)) == (NEXT, "pg14")
        assert "pull-after-upgrade:harbor  [cp1 node1 node2 node3]" in said
        told = re.search(r"pulls failed for (?:(\d+) min )?(\d+) s", said)
        assert told, said
        assert abs(60 * int(told[1] or 0) + int(told[2]) - measured[0]) < 10, (told[0], measured)
        counts = dict(re.findall(r"(\w+): (\d+ before, \d+) after", said))
        assert counts.keys() == {"projects", "repositories", "artifacts", "robots", "users"}
        assert all(one.split()[0] == one.split()[2] for one in counts.values())
        assert run(moored, "grep -c '^_version: 2.9.0' /opt/harbor/harbor.yml") == "1"
        assert run(moored, "ls -d /opt/harbor* /data/.moor* 2>/dev/null || :") == "/opt/harbor"
        assert moored.moor("verify").returncode == 0
    back = moored.moor("plan", "harbor")
    assert (back.returncode, f"{FIRST} is older than {NEXT}" in back.stdout) == (1, True)


@pytest.mark.usefixtures("kept")
def test_after_a_kill_and_a_reboot_the_next_apply_brings_the_new_release(moored: Moored, installer: str) -> None:
    with written(moored, harbor__installer=installer):
        argv = [sys.executable, "-m", "moor", "apply", "harbor", "--yes", "--site", str(moored.moor.site)]
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            begun = eventually(lambda: "journal" in run(moored, "ls /opt/harbor.upgrade 2>&1 || :"), 120, 0.05)
            process.kill()
        assert begun
        run(moored, "systemctl reboot || :")
        # By how far it came, it is gone on with, or the former release runs and the upgrade begins anew.
        assert eventually(lambda: "release:/opt/harbor" in moored.moor("plan", "harbor").stdout, 120)
        said = moored.moor.applied("harbor")
        counts = re.findall(r"(?:artifacts|robots|projects): (\d+) before, (\d+) after", said)
        assert len(counts) == 3
        assert all(before == after for before, after in counts)
        assert (release(moored), databases(moored)) == (NEXT, "pg14")
        assert moored.moor.planned() == []
        assert moored.moor("verify").returncode == 0
