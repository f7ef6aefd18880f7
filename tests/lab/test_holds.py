"""What somebody works on is left alone, whichever controller applies; and one command on many real hosts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.harness.commands import moor_here
from tests.lab.conftest import PASSED, Moored
from tests.lab.diagnosing import CERTS_D
from tests.lab.drifting import drifted

pytestmark = pytest.mark.lab

HOSTS_TOML = f"{CERTS_D}/hosts.toml"
ID = f"file:{HOSTS_TOML}"


def on(moored: Moored, host: str, script: str) -> str:
    return moored.lab.exec(host, ["sh", "-ec", script])


@pytest.fixture(autouse=True)
def nothing_held_afterwards(moored: Moored, request: pytest.FixtureRequest) -> object:
    yield
    if not request.node.stash.get(PASSED, False):
        moored.moor("release", "node*")
        moored.moor.applied()


def test_a_command_runs_on_all_nodes_by_their_own_logins(moored: Moored) -> None:
    done = moored.moor("run", "id -un; hostname >&2", "--limit", "nodes", "--sudo", "--output", "json")
    assert done.returncode == 0, done.said
    answers = {name: host["answer"] for name, host in done.report["hosts"].items()}
    assert {name: (one["stdout"], one["stderr"]) for name, one in answers.items()} == {
        name: ("root", name) for name in ("cp1", "node1", "node2", "node3")
    }
    told = moored.moor("run", "test $(hostname) != node2", "--limit", "nodes")
    assert (told.returncode, "  ! exit code 1  [node2]" in told.stdout) == (2, True), told.said
    assert "  + exit code 0  [cp1 node1 node3]" in told.stdout


def test_what_is_held_stays_for_every_controller_until_it_is_released(moored: Moored, tmp_path: Path) -> None:
    other = shutil.copytree(moored.moor.site, tmp_path / "other")  # of another controller
    for name in ("node2", "node3"):
        on(moored, name, f"echo '# by hand' >> {HOSTS_TOML}")
    assert moored.moor("hold", "node2", "--until", "3d", "--reason", "new disk").returncode == 0
    assert moored.moor("hold", ID, "--until", "2d", "--reason", "a trial", "--limit", "node3").returncode == 0

    shown = moor_here(other, "hold", "--list", "--limit", "nodes").stdout
    assert "  - the whole host  [node2]  held: new disk (" in shown
    assert f"  - {ID}  [node3]  held: a trial (" in shown
    plan = moor_here(other, "plan", "containerd", "--output", "json")
    assert plan.returncode == 0, plan.said
    held = [(name, one["id"], one["status"], one["held"].split(" (")[0]) for name, host in plan.report["hosts"].items()
            for one in host["resources"] if one["status"] != "ok"]  # fmt: skip
    assert held == [("node2", ID, "held", "new disk"), ("node3", ID, "held", "a trial")]

    assert "2 held" in moored.moor.applied("containerd")
    found = drifted(moored)
    assert (found.code, found.open) == (0, {}), found.said
    told = moored.moor("drift", "--quiet").stdout
    assert f"  - {ID}  [node2]  held: new disk (" in told
    assert "+# by hand" in told or "-# by hand" in told
    assert {on(moored, name, f"tail -n 1 {HOSTS_TOML}").strip() for name in ("node2", "node3")} == {"# by hand"}

    file = on(moored, "node3", "ls /var/lib/moor/holds/*.json").strip()
    ended = json.loads(on(moored, "node3", f"cat {file}")) | {"until": "2020-01-01"}
    on(moored, "node3", f"printf '%s' '{json.dumps(ended)}' > {file}")
    assert moor_here(other, "plan", "containerd").returncode == 2  # over by itself
    released = moored.moor("release", "node2,node3")
    assert (released.returncode, "release: 1 hold ended" in released.stdout) == (0, True), released.said
    assert on(moored, "node3", "ls /var/lib/moor/holds").strip() == ""
    moored.moor.applied("containerd")
    assert drifted(moored).code == 0
    assert " hold " in moored.moor("history").stdout
