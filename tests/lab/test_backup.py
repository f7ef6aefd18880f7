"""Backups of the registry while it serves, and restores: of a destroyed host, and whatever ends either half way.

The tests of this file build on one another, and leave the fleet as they found it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest

from moor.tasks.backup.encryption import IDENTITY
from moor.tasks.backup.record import COUNTED, describe_counts
from moor_lab import faults
from tests.harness.commands import started
from tests.harness.waiting import until
from tests.lab.carried import registry_out_of_a_bundle
from tests.lab.conftest import Moored
from tests.lab.diagnosing import administrator, pusher
from tests.lab.writing import sections_laid_over

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

NODES = ("cp1", "node1", "node2", "node3")
IMAGES = ("demo/python:3.13", "demo/sqrt:1.0")
NAME = "registry.moor.test"
BLOBS = "/data/registry/docker/registry/v2/blobs/sha256"
BIG = 120_000_000  # bytes of a blob that takes a while
STAGED = "find /data/registry/docker/registry/v2/.moor-restored -name data -size +1000000c 2>/dev/null || :"
PULL = f"""\
read -r p
for i in {" ".join(IMAGES)}; do
  ctr -n backup images pull --hosts-dir /etc/containerd/certs.d --user "admin:$p" {NAME}/$i >/dev/null
done
ctr -n backup images ls | awk 'NR > 1 {{ print $1, $3 }}'
ctr -n backup images rm $(ctr -n backup images ls -q) >/dev/null
ctr namespaces rm backup >/dev/null 2>&1 || :"""


def run(moored: Moored, script: str, host: str = "harbor1", stdin: str = "") -> str:
    return moored.lab.exec(host, ["sh", "-ec", script], stdin=stdin, timeout_s=300).strip()


def listed(moored: Moored) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = moored.moor("backup", "list", "--output", "json").report["backups"]
    return rows


def store(moored: Moored) -> Path:
    return moored.moor.site / "backups"


def pulled(moored: Moored) -> dict[str, str]:
    """Pull every image on every node, and return the digests that each got."""
    password = (moored.lab.directory / "secrets/harbor-admin").read_text()
    return {node: run(moored, PULL, node, f"{password.strip()}\n") for node in NODES}


def is_writable(moored: Moored) -> bool:
    """Return whether pushes are accepted."""
    harbor = administrator(moored)
    try:
        return harbor.ask("GET", "/api/v2.0/configurations").json()["read_only"]["value"] is False
    finally:
        harbor.close()


@contextmanager
def big_blob(moored: Moored, letter: str) -> Iterator[str]:
    """Put a blob into the registry that takes a while to copy, and take it out again."""
    digest = hashlib.sha256(letter.encode() * BIG).hexdigest()
    place = f"{BLOBS}/{digest[:2]}/{digest}"
    run(moored, f"mkdir -p {place}; head -c {BIG} /dev/zero | tr '\\0' {letter} > {place}/data")
    try:
        yield digest
    finally:
        run(moored, f"rm -rf {place}")


@contextmanager
def pulling(moored: Moored, host: str = "node1") -> Iterator[list[str]]:
    """Ask for an image's manifest again and again on a node, and collect what the registry answers."""
    said: list[str] = []
    ended = threading.Event()
    harbor = administrator(moored)

    def ask() -> None:
        while not ended.is_set():
            found = harbor.manifest("demo/sqrt", "1.0")
            said.append(found[0] if found else "refused")
            ended.wait(0.1)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield said
    finally:
        ended.set()
        asking.join()
        harbor.close()


def test_a_backup_is_made_while_nodes_pull_and_the_next_one_copies_nothing_twice(moored: Moored) -> None:
    key = moored.moor.site / ".moor/backup.key"
    shutil.rmtree(store(moored), ignore_errors=True)  # of others that share the fleet
    key.unlink(missing_ok=True)
    with pulling(moored) as said:
        first = moored.moor("backup")
        second = moored.moor("backup", "--output", "json")
    assert first.returncode == second.returncode == 0, first.said + second.said
    assert len(set(said)) == 1
    assert "KEEP A COPY of" in first.stdout
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text().strip() not in "".join(moored.moor.said)
    one, two = listed(moored)
    assert [row["state"] for row in (one, two)] == ["whole", "whole"]
    assert set(one["counts"]) == set(COUNTED)
    assert one["counts"]["artifacts"] >= len(IMAGES)
    assert (one["new_bytes"], two["new_bytes"]) == (one["blob_bytes"], 0)
    assert two["release"] == "v2.8.3"
    table = moored.moor("backup", "list").stdout.splitlines()
    assert table[0].split()[:2] == ["backup", "state"]
    assert table[2].split()[:2] == [two["name"], "whole"]


def test_nothing_readable_is_in_the_store_and_no_secret_in_what_was_said(moored: Moored) -> None:
    secrets = [
        run(moored, "cat /data/secret/keys/secretkey"),
        (moored.lab.directory / "secrets/harbor-admin").read_text().strip(),
    ]
    secrets += [path.read_text().strip() for path in (moored.moor.site / ".moor/secrets").iterdir() if path.is_file()]
    files = [path for path in store(moored).rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        assert path.stat().st_mode & 0o077 == 0 or path.name == ".gitignore", path
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path
        assert IDENTITY.encode() not in content
        assert (
            (path.parent.name.startswith("2") and not path.name.endswith(".age"))
            or content.startswith(b"age-encryption.org/v1")
            or path.name in (".gitignore", "lock")
        ), path
    assert not [secret for secret in secrets if secret in "".join(moored.moor.said)]


def test_a_rehearsal_counts_and_finds_a_blob_that_is_damaged(moored: Moored) -> None:
    done = moored.moor("backup", "check")
    assert done.returncode == 0, done.said
    counts = listed(moored)[-1]["counts"]
    assert describe_counts(counts) in done.stdout
    assert f"{counts['artifacts']} manifests, with all that they refer to" in done.stdout
    assert run(moored, "docker ps -aq --filter name=moor-rehearsal") == ""
    blob = max(store(moored).glob("blobs-*/*/*"), key=lambda path: path.stat().st_size)
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(bytes(content))
    damaged = moored.moor("backup", "check")
    assert damaged.returncode == 1
    assert f"{blob}: cannot be decrypted" in damaged.stdout
    assert moored.moor("backup").returncode == 0  # which brings it anew
    assert moored.moor("backup", "check").returncode == 0


def test_a_controller_that_is_killed_leaves_no_backup_and_the_next_one_goes_on(moored: Moored) -> None:
    before = [row["name"] for row in listed(moored)]
    with big_blob(moored, "k") as digest:
        with started(moored.moor.site, "backup", "--quiet") as process:
            until(lambda: list(store(moored).glob(f"blobs-*/*/{digest}.part")), pause_s=0.01)
            process.kill()
            process.wait()
        rows = listed(moored)
        assert [row["name"] for row in rows if row["state"] == "whole"] == before
        assert [row["state"] for row in rows if row["name"] not in before] == ["incomplete"]
        assert moored.moor("backup", "check", rows[-1]["name"]).returncode == 1
        assert is_writable(moored)
        assert moored.moor("backup").returncode == 0
        assert [row["state"] for row in listed(moored)] == ["whole"] * (len(before) + 1)
        assert not list(store(moored).glob("blobs-*/*/*.part"))


def test_a_connection_that_is_cut_is_told_and_nothing_half_counts(moored: Moored) -> None:
    before = listed(moored)
    with big_blob(moored, "c") as digest:
        with started(moored.moor.site, "backup") as process:
            until(lambda: list(store(moored).glob(f"blobs-*/*/{digest}.part")), pause_s=0.01)
            moored.lab.exec("harbor1", ["sh", "-c", "systemctl stop ssh; pkill -9 sshd || :"])
            try:
                out, err = process.communicate(timeout=300)
            finally:
                moored.lab.exec("harbor1", ["systemctl", "start", "ssh"])
                moored.lab.machine("harbor1").wait_ssh()
        assert process.returncode == 1, out + err
        assert "there is no new one; what it has brought is kept" in out
        assert "connection lost" in out + err
    assert [row for row in listed(moored) if row["state"] == "whole"] == before
    assert is_writable(moored)
    assert moored.moor("backup").returncode == 0


def test_a_full_disk_of_the_controller_is_told_before_and_while_it_is_written(moored: Moored, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    with changed(moored, directory=str(small), mounted=True):
        refused = moored.moor("backup")
        assert refused.returncode == 1
        assert f"data.backup.directory: nothing is mounted at {small}" in refused.stderr
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=True)
        try:
            done = moored.moor("backup")
            assert done.returncode == 1
            assert re.search(
                r"No space left on device; make room on this machine|MB of blobs are to be kept in", done.said
            )
            assert "Traceback" not in done.said
            assert [row["state"] for row in listed(moored)] in ([], ["incomplete"])
        finally:
            subprocess.run(["umount", str(small)], check=True)
    assert is_writable(moored)


def listed_after(moored: Moored, victim: str) -> str:
    """Return a letter whose big blob is listed, and so copied, before the victim's."""
    for letter in ascii_lowercase:
        digest = hashlib.sha256(letter.encode() * BIG).hexdigest()
        made = f"mkdir -p {BLOBS}/{digest[:2]}; ls -U {BLOBS}; rmdir {BLOBS}/{digest[:2]} 2>/dev/null || :"
        order = run(moored, made).split()
        if order.index(digest[:2]) < order.index(victim[:2]):
            return letter
    raise AssertionError("the victim's blob is always listed first")


def test_garbage_that_is_collected_meanwhile_is_missed_in_no_backup(moored: Moored) -> None:
    config = pusher(moored).for_arm().removeprefix("sha256:")
    harbor = administrator(moored)
    manifest, _ = harbor.manifest("demo/sqrt", "arm") or ("", {})
    with big_blob(moored, listed_after(moored, config)) as digest:
        with started(moored.moor.site, "backup") as process:
            until(lambda: list(store(moored).glob(f"blobs-*/*/{digest}.part")), pause_s=0.01)
            assert harbor.ask_registry("DELETE", f"/v2/demo/sqrt/manifests/{manifest}").status_code == 202
            run(moored, f"rm -rf {BLOBS}/{config[:2]}/{config}")  # as Harbor's garbage collection removes it
            out, err = process.communicate(timeout=300)
        assert process.returncode == 0, out + err
        assert "gone from the registry meanwhile: 1 blob " in out + err
    harbor.close()
    assert moored.moor("backup", "check").returncode == 0
    assert "arm" not in json.dumps(listed(moored)[-1]["notes"])


@contextmanager
def changed(moored: Moored, **section: Any) -> Iterator[None]:
    """Write a section ``backup`` into the site's defaults, and take it out again."""
    path = moored.moor.site / "inventory/defaults.yaml"
    former = path.read_text()
    path.write_text(former.replace("data:\n", f"data:\n  backup: {json.dumps(section)}\n", 1))
    try:
        yield
    finally:
        path.write_text(former)


def test_a_registry_that_holds_something_is_not_restored_over(moored: Moored) -> None:
    done = moored.moor("restore", "--yes")
    assert done.returncode == 1
    assert f"the registry holds {describe_counts(listed(moored)[-1]['counts'])}" in done.stdout
    assert "restore --over" in done.stdout
    assert moored.moor.planned() == []


def test_a_destroyed_host_is_restored_out_of_a_bundle_and_every_node_pulls_what_it_pulled_before(
    moored: Moored, tmp_path: Path
) -> None:
    before, state = pulled(moored), moored.moor.site / ".moor"
    assert len(set(before.values())) == 1
    kept = {name: (state / name).read_bytes() for name in ("pki/ca.crt", "secrets/robot-demo-puller", "backup.key")}
    key = kept["backup.key"]
    moored.lab.reset("harbor1")
    shutil.rmtree(state)  # the controller was lost too, but for its site, the backups and the key
    lost = moored.moor("restore", "--yes")
    assert lost.returncode == 1
    assert "backup.key: missing" in lost.stderr
    state.mkdir(mode=0o700)
    (state / "backup.key").touch(mode=0o600)
    (state / "backup.key").write_bytes(key)
    way = {"to": {"192.0.2.0/24": str(moored.lab.fleet.gateway)}}
    with registry_out_of_a_bundle(moored, tmp_path / "carried"), sections_laid_over(moored, {"routes": way}):
        planned = moored.moor("restore", "--plan")
        assert planned.returncode == 2, planned.said
        assert planned.stdout.index("routes:static") < planned.stdout.index("docker")
        done = moored.moor("restore", "--yes", timeout_s=900)
        assert done.returncode == 0, done.said
        assert {name: (state / name).read_bytes() for name in kept} == kept
        assert pulled(moored) == before
        assert run(moored, "ip route show 192.0.2.0/24")
        verified = moored.moor("verify")
        assert verified.returncode == 0, verified.stdout
        assert run(moored, "ls -A /data | grep -c moor || :") == "0"
        moored.moor.applied()
    assert moored.moor("remove", "routes", "--yes").returncode == 0
    assert moored.moor.planned() == []


def test_a_restore_that_is_ended_half_way_leaves_the_registry_as_it_was_and_goes_on(moored: Moored) -> None:
    before = pulled(moored)
    with big_blob(moored, "r") as digest:
        assert moored.moor("backup").returncode == 0
        run(moored, f"rm {BLOBS}/{digest[:2]}/{digest}/data")
        harbor = administrator(moored)
        harbor.change("POST", "/api/v2.0/projects", {"project_name": "newer"})
        with faults.full_disk(moored.lab, "harbor1", "/data/registry"):
            refused = moored.moor("restore", "--over", "--yes")
        assert refused.returncode == 1
        assert "MB are free in /data; make room there, then run the same command again" in refused.stdout
        with started(moored.moor.site, "restore", "--over", "--yes", "--quiet") as process:
            until(lambda: run(moored, STAGED), pause_s=0.02)
            process.kill()
            process.wait()
        assert pulled(moored) == before
        assert harbor.ask("HEAD", "/api/v2.0/projects?project_name=newer").status_code == 200
        half = moored.moor("backup")
        assert "has not come to its end; moor restore" in half.stdout
        done = moored.moor("restore", "--yes", timeout_s=600)
        assert done.returncode == 0, done.said
        assert run(moored, f"wc -c < {BLOBS}/{digest[:2]}/{digest}/data") == str(BIG)
        assert harbor.ask("HEAD", "/api/v2.0/projects?project_name=newer").status_code == 404
        harbor.close()
    assert pulled(moored) == before
    assert moored.moor.planned() == []


def test_an_external_database_is_dumped_from_the_registrys_host_or_left_out_and_said(moored: Moored) -> None:
    address = run(moored, "docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' harbor-db")
    word = run(moored, "sed -n 's/^POSTGRES_PASSWORD=//p' /opt/harbor/common/config/db/env")
    run(moored, "cp -p /opt/harbor/harbor.yml /run/harbor.yml")
    fields = "port: 5432, db_name: registry, username: postgres, ssl_mode: disable"
    try:
        for host in (address, "192.0.2.1"):
            line = f"external_database: {{harbor: {{host: {host}, password: '{word}', {fields}}}}}"
            run(
                moored, "cp -p /run/harbor.yml /opt/harbor/harbor.yml; cat >> /opt/harbor/harbor.yml", stdin=f"{line}\n"
            )
            done = moored.moor("backup")
            assert done.returncode == 0, done.said
    finally:
        run(moored, "cp -p /run/harbor.yml /opt/harbor/harbor.yml")
    dumped, left_out = listed(moored)[-2:]
    assert dumped["counts"]["artifacts"] >= len(IMAGES)
    assert left_out["counts"] == {}
    assert "the external database at 192.0.2.1 is not in this backup" in "".join(left_out["notes"])
    assert word not in "".join(moored.moor.said)
