"""A saved plan on real hosts: it is made exactly, goes on after a kill, and refuses a host that somebody changed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.waiting import after
from tests.lab.conftest import Moored

pytestmark = pytest.mark.lab

SEED = 20261128
NAME = "saved.moor.test"


def test_a_plan_is_made_after_a_kill_and_not_on_a_host_that_was_changed_since(moored: Moored, tmp_path: Path) -> None:
    defaults = moored.moor.site / "inventory/defaults.yaml"
    kept, plan = defaults.read_text(), str(tmp_path / "plan.json")
    extra = f"  containerd: {{extra: {{oom_score: -777}}}}\n  names: {{hosts: {{{NAME}: 10.99.0.9}}}}\n"
    defaults.write_text(kept.replace("data:\n", f"data:\n{extra}", 1))
    try:
        assert moored.moor("plan", "--out", plan).returncode == 2
        moored.lab.exec("node3", ["sh", "-c", "echo '10.99.0.8 by.hand' >> /etc/hosts"])
        killed(moored, plan, random.Random(SEED).uniform(1, 4))  # noqa: S311 - the same moment in every run
        done = moored.moor("apply", plan, "--output", "json")
        assert done.returncode == 1
        hosts = done.report["hosts"]
        assert [name for name, host in hosts.items() if host["error"]] == ["node3"]
        assert (
            "edit:/etc/hosts#names: content was changed on the host since the plan was saved" in hosts["node3"]["error"]
        )
        assert NAME not in moored.lab.exec("node3", ["cat", "/etc/hosts"])
        assert NAME in moored.lab.exec("node2", ["cat", "/etc/hosts"])
        assert moored.moor("plan", "--limit", "!node3").returncode == 0
        assert moored.moor("apply", plan, "--limit", "!node3").returncode == 0, "what is done is no difference"
        planned = moored.moor.planned("--only", "service,edit:/etc/hosts#names", "--limit", "node3")
        assert planned == ["edit:/etc/hosts#names", "service:containerd"]
        assert json.loads(Path(plan).read_text())["hosts"].keys() == hosts.keys()
    finally:
        defaults.write_text(kept)
        moored.lab.exec("node3", ["sed", "-i", "/by.hand/d", "/etc/hosts"])
        moored.moor.applied()


def killed(moored: Moored, plan: str, after_s: float) -> None:
    argv = [sys.executable, "-m", "moor", "apply", plan, "--site", str(moored.moor.site)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        after(after_s)
        process.kill()
