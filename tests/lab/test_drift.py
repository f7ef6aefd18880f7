"""Somebody changes hosts by hand: each change is found, named, dated, told, mended where allowed, then over."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from moor_lab import faults
from tests.harness.waiting import eventually, next_second
from tests.lab.conftest import PASSED, Moored
from tests.lab.diagnosing import CERTS_D, CONFIG, administrator, closed, stopped
from tests.lab.drifting import clean, drifted
from tests.output.receiver import receiver

pytestmark = pytest.mark.lab

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
HOSTS_TOML = f"{CERTS_D}/hosts.toml"


def run(moored: Moored, host: str, script: str) -> str:
    return moored.lab.exec(host, ["sh", "-ec", script])


@pytest.fixture(autouse=True)
def as_it_was(moored: Moored, request: pytest.FixtureRequest) -> Iterator[None]:
    """Put the site back, and mend what a test that fails leaves behind; the others end with a fleet that is clean."""
    files = [moored.moor.site / name for name in ("config.yaml", "inventory/waivers.yaml")]
    kept = {path: path.read_text() for path in files}
    yield
    for path, content in kept.items():
        path.write_text(content)
    if not request.node.stash.get(PASSED, False):
        moored.moor.applied()


def configured(moored: Moored, lines: str) -> None:
    """Add lines to what config.yaml says of moor."""
    path = moored.moor.site / "config.yaml"
    path.write_text(path.read_text().replace("  moor:\n", f"  moor:\n{lines}"))


def test_a_fleet_that_is_as_it_should_be_is_clean_and_nothing_of_it_is_changed(moored: Moored) -> None:
    listing = "find /etc /root /var/lib/moor -xdev -printf '%p %s %T@\\n' | sort"
    before = {name: run(moored, name, listing) for name in ("harbor1", "node2", "ws1")}
    count = "journalctl --sync; journalctl --quiet --identifier=sudo --output=cat | grep -c COMMAND= || :"
    scripts = {name: int(run(moored, name, count)) for name in ("harbor1", "cp1", "node2", "ws1")}
    clean(moored)
    assert {name: run(moored, name, listing) for name in before} == before
    # one round trip a host, whatever is asked of it
    assert {name: int(run(moored, name, count)) - was for name, was in scripts.items()} == dict.fromkeys(scripts, 1)


def test_every_change_by_hand_is_found_dated_and_over_after_it_is_mended(moored: Moored) -> None:
    run(moored, "node2", f"echo '# by hand' >> {HOSTS_TOML}")
    run(moored, "node3", "systemctl stop containerd")
    run(moored, "cp1", f"head -n 40 {BUNDLE} > /run/b; cat /run/b > {BUNDLE}; touch {CONFIG}")
    run(moored, "harbor1", "systemctl disable -q harbor.service; mount --bind /data /data")
    wanted = {
        ("node2", f"file:{HOSTS_TOML}"),
        ("node3", "service:containerd"),
        ("cp1", "trust-bundle:moor-registry-ca"),
        ("cp1", "service:containerd"),
        ("harbor1", "service:harbor.service"),
        ("harbor1", "mount:/data"),
        ("node1", "proof:route"),
    }
    try:
        with closed(moored, "reject with tcp reset", "node1"):
            first = drifted(moored)
            assert first.code == 2, first.said
            # the cluster sees a dead containerd after some seconds; the proof of the certificate reads the bundle too
            assert set(first.open) - {("node3", "ready:node3"), ("cp1", "proof:tls")} == wanted
            assert "-# by hand" in first.diff("node2", f"file:{HOSTS_TOML}")
            assert first.diff("node3", "service:containerd") == "running: no -> yes"
            assert "older than" in first.diff("cp1", "service:containerd")
            assert set(first.open.values()) == {first.report["started"]}
            next_second()
            second = drifted(moored)
            assert {key: second.open[key] for key in wanted} == {key: first.open[key] for key in wanted}
    finally:
        run(moored, "harbor1", "umount /data")
        moored.moor.applied()
    assert eventually(lambda: drifted(moored).code == 0, 30)
    told = moored.moor("history", "--host", "node2").stdout
    assert f"file:{HOSTS_TOML}  [node2]  drift since {first.report['started'][:16].replace('T', ' ')}, over " in told
    assert "-# by hand" in told
    assert "findings:" not in moored.moor("history").stdout


def test_a_host_that_was_not_examined_never_reads_as_clean_and_holds_up_no_other(moored: Moored) -> None:
    with faults.stopped_sshd(moored.lab, "harbor1"):
        found = drifted(moored)
        assert found.code == 1
        assert "connection refused" in found.report["hosts"]["harbor1"]["unexamined"][0]
        others = [found.report["hosts"][name] for name in ("cp1", "node1", "node2", "node3", "ws1")]
        assert all(host["resources"] and not host["unexamined"] for host in others)
        assert "? harbor1: not examined" in moored.moor("drift", "--quiet").stdout
    clean(moored)


def test_a_sick_part_of_harbor_is_named(moored: Moored) -> None:
    with stopped(moored, "redis"):
        found = drifted(moored, "--limit", "harbor1")
    assert "redis" in found.diff("harbor1", "containers:/opt/harbor")
    clean(moored)


def test_what_ends_soon_is_a_finding_and_what_ends_later_is_known(moored: Moored) -> None:
    harbor = administrator(moored)
    access = [{"resource": "repository", "action": "pull"}]
    robot = {
        "name": "short", "description": "", "level": "project", "duration": 5, "disable": False,
        "permissions": [{"kind": "project", "namespace": "demo", "access": access}],
    }  # fmt: skip
    made = harbor.change("POST", "/api/v2.0/robots", robot).json()
    try:
        found = drifted(moored)
        assert set(found.open) == {("", "robot-expiry:demo+short")}
        ends = {one["id"] for one in found.report["expiries"]}
        assert {"certificate:ca", "certificate:served", "certificate:/etc/moor/registry.crt"} <= ends
    finally:
        harbor.change("DELETE", f"/api/v2.0/robots/{made['id']}", None)
        harbor.close()
    clean(moored)


def test_a_waiver_covers_until_its_day_and_is_drift_after_it(moored: Moored) -> None:
    waivers = moored.moor.site / "inventory/waivers.yaml"
    kept = waivers.read_text()
    entry = "- {{host: 'node*', id: 'file:*', reason: on purpose, owner: network, until: {}}}\n"
    run(moored, "node2", f"echo '# by hand' >> {HOSTS_TOML}")
    try:
        waivers.write_text(entry.format("2999-01-01"))
        waived = moored.moor("drift", "--quiet")
        assert waived.returncode == 0
        assert "waived: on purpose (network, until 2999-01-01)" in waived.stdout
        waivers.write_text(entry.format("2020-01-01"))
        ended = drifted(moored)
        assert (ended.code, set(ended.open)) == (2, {("node2", f"file:{HOSTS_TOML}"), ("", "waiver:node*/file:*")})
        waivers.write_text(entry.format("soon"))
        wrong = moored.moor("drift")
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert "inventory/waivers.yaml:1" in wrong.stderr
    finally:
        waivers.write_text(kept)
    moored.moor.applied("containerd")
    clean(moored)


def test_drift_is_mended_where_allowed_on_so_many_hosts_in_their_batches_and_people_are_told(moored: Moored) -> None:
    config = moored.moor.site / "config.yaml"
    kept = config.read_text()
    url = moored.moor.site / "url"
    url.touch(mode=0o600)
    with receiver() as received:
        url.write_text(received.url)
        configured(moored, "    mend_hosts: 2\n    notify: [file:url]\n    metrics: moor.prom\n")
        try:
            for name in ("node1", "node2", "node3"):
                run(moored, name, f"echo '# by hand' >> {HOSTS_TOML}; touch {CONFIG}")
            run(moored, "node1", "echo 10.99.0.9 elsewhere >> /etc/hosts; sed -i '/registry.moor.test/d' /etc/hosts")
            first = moored.moor("drift", "--apply", "file,service")
            assert first.returncode == 2, first.stdout + first.stderr
            assert "1 more wait for the next run" in first.stderr
            steps = [line for line in first.stderr.splitlines() if line.startswith("configure_containerd: ")]
            assert steps[:2] == ["configure_containerd: node1", "configure_containerd: node2"]  # one restart at a time
            second = drifted(moored, "--apply", "file,service")
            # what nobody allowed is still there, and so is what it causes
            assert set(second.open) == {("node1", "edit:/etc/hosts#names"), ("node1", "proof:name")}
        finally:
            moored.moor.applied("names")
        clean(moored)
        config.write_text(kept)
    assert "mended by moor: node1: service:containerd" in received.bodies[0]
    assert f"mended by moor: node3: file:{HOSTS_TOML}" in received.bodies[1]
    assert received.bodies[-1].splitlines() == ["over: node1: edit:/etc/hosts#names", "over: node1: proof:name"]
    assert "moor_last_run_complete 1.0" in (moored.moor.site / "moor.prom").read_text()
    assert " mend " in moored.moor("history").stdout


def test_a_kind_that_is_none_is_refused_before_any_host_is_asked(moored: Moored) -> None:
    done = moored.moor("drift", "--apply", "fiel")
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean file?" in done.stderr


def test_a_secret_in_a_file_that_drifts_gets_into_no_output(moored: Moored) -> None:
    known = (moored.lab.directory / "secrets/harbor-admin").read_text().strip()
    unknown = "planted-9f2c71"
    site = moored.moor.site
    config, kept = site / "config.yaml", (site / "config.yaml").read_text()
    run(moored, "node2", f"printf '# {known}\\npassword = \"{unknown}\"\\n' >> {HOSTS_TOML}")
    run(moored, "harbor1", "echo '# x' >> /etc/moor/registry.key")
    with receiver() as received:
        (site / "url").write_text(received.url)
        (site / "url").chmod(0o600)
        configured(moored, "    notify: [file:url]\n    metrics: moor.prom\n")
        said = [moored.moor("drift", "--output", shape, "-v") for shape in ("text", "json", "junit", "metrics")]
        said += [moored.moor("history", "--host", name) for name in ("node2", "harbor1")]
        said += [moored.moor("history", "--output", "json"), moored.moor("report", "--out", str(site / "report.html"))]
        config.write_text(kept)
    everything = "".join(done.stdout + done.stderr for done in said) + json.dumps(received.notices)
    kept_files = [path for path in (site / ".moor").glob("history.db*")] + [site / "report.html", site / "moor.prom"]
    everything += "".join(path.read_bytes().decode("latin-1") for path in kept_files)
    assert f"file:{HOSTS_TOML}" in everything
    key = (line for line in run(moored, "harbor1", "cat /etc/moor/registry.key").splitlines() if len(line) > 30)
    for secret in (known, unknown, *key):
        assert secret not in everything
    moored.moor.applied()
    clean(moored)


def test_a_history_on_a_full_disk_stops_no_check_and_says_so(moored: Moored, tmp_path: Path) -> None:
    state = moored.moor.site / ".moor"
    script = f"""
mount -t tmpfs -o size=200k tmpfs {state} && cp -a {tmp_path}/kept/. {state}/ || exit 99
dd if=/dev/zero of={state}/fill bs=1k count=400 2>/dev/null
"$@"
"""
    subprocess.run(["cp", "-a", "--", str(state), str(tmp_path / "kept")], check=True)
    for path in (tmp_path / "kept").glob("*.db*"):
        path.unlink()
    shutil.rmtree(tmp_path / "kept/bundle", ignore_errors=True)  # of another test; it is larger than the disk
    argv = [sys.executable, "-m", "moor", "drift", "--quiet", "--site", str(moored.moor.site)]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *argv],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "drift: clean" in done.stdout
    assert "this run is not recorded: " in done.stderr
