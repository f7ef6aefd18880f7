"""Harbor runs full, fails and is left behind, for real: each is found with a remedy, and over once it is mended."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from ruamel.yaml import YAML

from moor.connections.apis.harbor import Harbor
from moor.engine.measurements import DAY_S
from moor.history.sqlite_file import MOMENT
from tests.harness.commands import moor
from tests.harness.waiting import until
from tests.lab.conftest import Moored
from tests.lab.diagnosing import administrator
from tests.lab.drifting import Drift, clean, drifted

pytestmark = pytest.mark.lab

API = "/api/v2.0"
ROOT = "/data/secret/registry/root.crt"
TRUSTED = "/opt/harbor/common/config/shared/trust-certificates/other.crt"


def run(moored: Moored, script: str, stdin: str = "") -> str:
    return moored.lab.exec("harbor1", ["sh", "-ec", script], stdin=stdin).strip()


def sql(moored: Moored, statement: str) -> str:
    words = ["docker", "exec", "-i", "harbor-db", "psql", "-U", "postgres", "-At", "registry"]
    return moored.lab.exec("harbor1", words, stdin=statement).strip()


@contextmanager
def history(moored: Moored) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(moored.moor.site / ".moor/history.db")) as database, database:
        yield database


def said(found: Drift, name: str, host: str = "") -> str:
    (one,) = (one for one in found.report["findings"] if (one["id"], one["host"]) == (name, host))
    assert one["remedy"]
    return str(one["what"])


@pytest.fixture
def harbor(moored: Moored) -> Iterator[Harbor]:
    client = administrator(moored)
    yield client
    client.close()


@contextmanager
def nearly_full(moored: Moored) -> Iterator[None]:
    """Lay a small file system over the data, which Harbor's containers do not see, and fill it."""
    run(moored, "mount -t tmpfs -o size=64m tmpfs /data; head -c 60M /dev/zero > /data/fill")
    try:
        yield
    finally:
        run(moored, "umount /data")


def configure(harbor: Harbor, **values: object) -> None:
    harbor.change("PUT", f"{API}/configurations", values)


def limit(harbor: Harbor, project: str, amount: int) -> int:
    """Set a project's quota in percent of what it uses, or -1; return its number of bytes in use."""
    (quota,) = (one for one in harbor.ask("GET", f"{API}/quotas").json() if one["ref"]["name"] == project)
    used = int(quota["used"]["storage"])
    hard = used * amount // 100 if amount > 0 else -1
    harbor.change("PUT", f"{API}/quotas/{quota['id']}", {"hard": {"storage": hard}})
    return used


def collect_garbage(harbor: Harbor) -> None:
    schedule = {"schedule": {"type": "Manual"}, "parameters": {"delete_untagged": False, "dry_run": True}}
    harbor.change("POST", f"{API}/system/gc/schedule", schedule)


def expired() -> str:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "inside")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=9)).not_valid_after(now - timedelta(days=2))
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def test_the_disk_of_the_data_is_a_finding_when_it_is_full_and_before_by_its_growth(moored: Moored) -> None:
    clean(moored)
    metrics = moored.moor("drift", "--output", "metrics").stdout
    assert 'moor_measured_size{host="harbor1",id="disk:/data"}' in metrics
    with nearly_full(moored):
        found = drifted(moored, "--runbook", "watch")
        assert ("harbor1", "disk:/data") in found.open
        assert "the disk of /data on harbor1 is 93 % full" in said(found, "disk:/data", "harbor1")
    clean(moored)
    # as the checks of the last days would have recorded it
    disk = next(one for one in drifted(moored).report["measured"] if one["id"] == "disk:/data")
    with history(moored) as database:
        for days in range(1, 8):
            taken = datetime.now(UTC) - timedelta(seconds=DAY_S * days)
            grown = disk["value"] - days * (disk["size"] - disk["value"]) / 6.5
            row = ("harbor1", "disk:/data", taken.strftime(MOMENT), f"{taken:%Y-%m-%d}", grown)
            database.execute("INSERT INTO measurements (host, id, taken, day, amount) VALUES (?, ?, ?, ?, ?)", row)
    try:
        with at_any_fullness(moored):
            assert "6 days left at its present growth" in said(drifted(moored), "disk:/data", "harbor1")
    finally:
        with history(moored) as database:
            database.execute("DELETE FROM measurements WHERE taken < datetime('now', '-12 hours')")
    clean(moored)


@contextmanager
def at_any_fullness(moored: Moored) -> Iterator[None]:
    """Have growth count however empty the disk is."""
    path = moored.moor.site / "inventory/defaults.yaml"
    kept = path.read_text()
    path.write_text(kept.replace("\ndata:\n", "\ndata:\n  watch: {disk_from_percent: 1, disk_percent: 100}\n"))
    try:
        yield
    finally:
        path.write_text(kept)


def test_jobs_quotas_queues_read_only_mode_and_certificates_are_found_at_once(moored: Moored, harbor: Harbor) -> None:
    with ExitStack() as stack:
        used = limit(harbor, "demo", 105)
        stack.callback(limit, harbor, "demo", -1)
        assert used > 0
        harbor.change("PUT", f"{API}/jobservice/queues/REPLICATION", {"action": "pause"})
        stack.callback(harbor.change, "PUT", f"{API}/jobservice/queues/REPLICATION", {"action": "resume"})
        run(moored, "docker stop -t 1 registryctl")
        try:
            collect_garbage(harbor)
        finally:
            run(moored, "docker start registryctl")
        stack.callback(collect_garbage, harbor)
        run(moored, f"cp -p {ROOT} /root/kept.crt; cat > {ROOT}", expired())
        stack.callback(run, moored, f"cat /root/kept.crt > {ROOT}")
        run(moored, f"mkdir -p {TRUSTED.rpartition('/')[0]}; cat > {TRUSTED}", expired())
        stack.callback(run, moored, f"rm {TRUSTED}")
        configure(harbor, read_only=True)
        stack.callback(configure, harbor, read_only=False)
        until(lambda: moored.moor("plan", "harbor").returncode == 0, "Harbor is healthy")

        first = drifted(moored)
        wanted = {
            ("", "quota:demo"), ("", "queue:REPLICATION"), ("", "job:gc"),
            ("harbor1", f"certificate:{ROOT}"), ("harbor1", f"certificate:{TRUSTED}"),
        }  # fmt: skip
        assert set(first.open) == wanted  # read-only mode may be a backup's, for minutes
        assert "of its quota of" in said(first, "quota:demo")
        assert "the last garbage collection failed" in said(first, "job:gc")
        assert "expired on" in said(first, f"certificate:{ROOT}", "harbor1")
        with history(moored) as database:
            earlier = "UPDATE measurements SET taken = datetime(taken, '-2 hours') WHERE id = 'read-only:registry'"
            database.execute(earlier)
        second = drifted(moored, "--runbook", "watch")
        assert set(second.open) == wanted | {("", "read-only:registry")}
        waivers = moored.moor.site / "inventory/waivers.yaml"
        kept = waivers.read_text()
        waivers.write_text("- {id: 'job:*', reason: known, owner: us, until: 2999-01-01}\n")
        stack.callback(waivers.write_text, kept)
        assert ("", "job:gc") not in drifted(moored, "--runbook", "watch").open
    clean(moored)


def kill_jobservice(moored: Moored) -> None:
    """Kill the component, and wait until Docker has started it again."""
    count = "docker inspect -f '{{.RestartCount}}' harbor-jobservice"
    before = run(moored, count)
    run(moored, "kill -9 $(docker inspect -f '{{.State.Pid}}' harbor-jobservice)")
    until(lambda: run(moored, count) != before, "it is restarted")


def test_a_component_that_dies_again_and_again_is_named(moored: Moored) -> None:
    clean(moored)
    for _ in range(3):
        kill_jobservice(moored)
        until(lambda: moored.moor("plan", "harbor").returncode == 0, "Harbor is healthy")
        last = drifted(moored, "--runbook", "watch")
    assert set(last.open) == {("harbor1", "restarts:jobservice")}
    assert "jobservice" in said(last, "restarts:jobservice", "harbor1")
    clean(moored)


def test_a_robot_that_nobody_has_used_is_named(moored: Moored, harbor: Harbor) -> None:
    access = [{"resource": "repository", "action": "pull"}]
    robot = {
        "name": "idle", "description": "", "level": "project", "duration": -1, "disable": False,
        "permissions": [{"kind": "project", "namespace": "demo", "access": access}],
    }  # fmt: skip
    made = harbor.change("POST", f"{API}/robots", robot).json()
    old = "jsonb_set(body::jsonb, '{{{}}}', '\"2024-01-01T00:00:00.000Z\"')::text"
    where = "where kind = 'robot' and body like '%+idle%'"
    sql(moored, f"update record set body = {old.format('creation_time')} {where};")  # noqa: S608 - ours
    entry = '{"operation": "pull", "resource": "demo/old:1", "resource_type": "artifact", "username": "admin", '
    entry += '"op_time": "2024-01-01T00:00:00.000Z"}'
    sql(moored, f"insert into record (kind, id, name, body) values ('audit', 0, 'oldest', '{entry}');")  # noqa: S608
    try:
        found = drifted(moored)
        assert set(found.open) == {("", "robot-unused:demo+idle")}
    finally:
        harbor.change("DELETE", f"{API}/robots/{made['id']}", None)
        sql(moored, "delete from record where kind = 'audit' and name = 'oldest';")
    clean(moored)


def test_a_harbor_of_others_is_watched_by_what_its_api_shows(moored: Moored, harbor: Harbor, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(moored.moor.site, site, ignore=shutil.ignore_patterns(".moor"))
    yaml = YAML(typ="safe")
    hosts, defaults = site / "inventory/hosts.yaml", site / "inventory/defaults.yaml"
    known = yaml.load(hosts)
    del known["harbor1"]
    yaml.dump(known, hosts)
    tree = yaml.load(defaults)
    tree["data"]["pki"] = {"ca": str(moored.moor.site / ".moor/pki/ca.crt")}
    account = {"user": "admin", "password": f"file:{moored.lab.directory}/secrets/harbor-admin"}
    tree["data"]["harbor"] = {"managed": False, "account": account}
    yaml.dump(tree, defaults)
    limit(harbor, "demo", 105)
    try:
        report = moor(site, "drift", "--runbook", "watch", "--output", "json").report
        assert ("", "quota:demo") in {(one["host"], one["id"]) for one in report["findings"]}
        assert {"disk:registry", "read-only:registry"} <= {one["id"] for one in report["measured"]}
    finally:
        limit(harbor, "demo", -1)
