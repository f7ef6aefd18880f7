"""A run is put back on real hosts: files as they were, what reads them started again, nobody's later work lost."""

from __future__ import annotations

import json

import pytest

from tests.lab.conftest import Moored
from tests.lab.diagnosing import CONFIG
from tests.lab.drifting import clean

pytestmark = pytest.mark.lab

HOSTS = "/etc/hosts"
ANCHOR = "/usr/local/share/ca-certificates/moor-registry-ca.crt"


def content(moored: Moored, host: str, path: str) -> str:
    return moored.lab.exec(host, ["sh", "-c", f"cat {path}"])


def started(moored: Moored, host: str) -> str:
    return moored.lab.exec(
        host, ["systemctl", "show", "-p", "ExecMainStartTimestampMonotonic", "--value", "containerd"]
    )


def test_a_run_is_put_back_host_by_host_unless_somebody_changed_it_since(moored: Moored) -> None:
    moor, nodes = moored.moor, ("node1", "node2", "node3")
    defaults = moor.site / "inventory/defaults.yaml"
    kept = defaults.read_text()
    before = {(name, path): content(moored, name, path) for name in nodes for path in (HOSTS, CONFIG)}
    try:
        extra = "  containerd: {extra: {oom_score: -998}}\n  names: {hosts: {images.moor.test: 10.99.0.9}}\n"
        defaults.write_text(kept.replace("data:\n", f"data:\n{extra}", 1))
        for part in ("names", "containerd"):
            done = moor("apply", part, "--yes", "--limit", "node1,node2,node3", "--output", "json")
            assert done.returncode == 0, done.stdout
            run = json.loads(done.stdout)["run"]
            if part == "names":
                names = run
        assert "images.moor.test" in content(moored, "node1", HOSTS)
        assert "oom_score" in content(moored, "node1", CONFIG)
    finally:
        defaults.write_text(kept)

    unsaid = moor("rollback", run)
    assert (unsaid.returncode, "oom_score" in content(moored, "node1", CONFIG)) == (1, True)
    planned = moor("rollback", run, "--plan")
    assert planned.returncode == 2
    assert f"~ file:{CONFIG}  [" in planned.stdout
    assert "~ service:containerd" in planned.stdout

    moored.lab.exec("node1", ["sh", "-c", f"echo '# by hand' >> {CONFIG}"])
    old = {name: started(moored, name) for name in nodes}
    refused = moor("rollback", run, "--yes")
    assert refused.returncode == 1
    assert f"{CONFIG}: changed since" in refused.stdout
    assert "# by hand" in content(moored, "node1", CONFIG)
    for name in ("node2", "node3"):
        assert content(moored, name, CONFIG) == before[name, CONFIG]
    # the first host refuses, and the others go on
    assert [name for name, was in old.items() if started(moored, name) != was] == ["node2", "node3"]
    assert moor("rollback", run, "--yes", "--force", "--limit", "node1").returncode == 0
    assert content(moored, "node1", CONFIG) == before["node1", CONFIG]

    assert moor("rollback", names[:-2], "--yes").returncode == 0  # by how its name begins
    assert {key: content(moored, *key) for key in before} == before
    clean(moored)
    assert " rollback " in moor("history").stdout


def test_an_anchor_that_is_put_back_is_in_the_bundle_again(moored: Moored) -> None:
    moored.lab.exec("node2", ["sh", "-c", f"rm {ANCHOR}; update-ca-certificates --fresh >/dev/null 2>&1"])
    done = moored.moor("apply", "trust", "--yes", "--limit", "node2", "--output", "json")
    run = json.loads(done.stdout)["run"]
    assert moored.moor("rollback", run, "--yes").returncode == 0
    pem = (moored.moor.site / ".moor/pki/ca.crt").read_text().splitlines()[1]
    held = moored.lab.exec(
        "node2", ["sh", "-c", f"ls {ANCHOR} 2>/dev/null; grep -c '{pem}' /etc/ssl/certs/ca-certificates.crt || :"]
    )
    assert held.strip() == "0"
    moored.moor.applied("trust")
    clean(moored)


@pytest.mark.parametrize(
    ("run", "words"), [("nope", "no run is called nope"), ("20200101-000000-abcd", "no host keeps")]
)
def test_a_run_that_is_not_known_is_told(moored: Moored, run: str, words: str) -> None:
    done = moored.moor("rollback", run, "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


def test_the_scripts_of_a_plan_are_shown_and_not_run(moored: Moored) -> None:
    moor, words = moored.moor, ("plan", "trust", "--show-script", "--limit", "node1", "--quiet")
    well = moor(*words)
    assert (well.returncode, "# node1: nothing to change\n" in well.stdout) == (0, True), well.stderr
    moored.lab.exec("node1", ["rm", ANCHOR])
    try:
        shown = moor(*words)
        assert shown.returncode == 2
        assert "# node1: trust_ca would change trust-bundle:moor-registry-ca\n" in shown.stdout
        moored.lab.exec("node1", ["sh", "-n"], stdin=shown.stdout)  # each script is one that its shell reads
        assert moored.lab.exec("node1", ["sh", "-c", f"[ -e {ANCHOR} ] || echo gone"]) == "gone\n"
    finally:
        moor.applied("trust", "--limit", "node1")
    clean(moored)
