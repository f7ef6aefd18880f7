"""The plan of a registry's configuration is measured on projects that are as they should be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.configuration.contents import ROBOTS, make_site
from bench.configuration.measure import BARE, MOOR, STAND_IN
from bench.contenders.contender import ROOT
from bench.standin_process import serving


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *argv], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )


def test_a_plan_needs_at_most_eight_requests_a_project_and_the_bare_ones_are_the_same(tmp_path: Path) -> None:
    with serving(STAND_IN, tmp_path) as server:
        port = int(server.first)
        site = make_site(tmp_path / "site", tmp_path / "ca.crt", port, projects=3)
        run(MOOR, "apply", "registry", "--site", str(site), "--quiet", "--yes")
        server.asked()
        planned = run(MOOR, "plan", "registry", "--site", str(site), "--quiet")
        (count,) = server.asked()
        asked = json.loads((tmp_path / "requests.json").read_text())
        bare = run(BARE, str(tmp_path), str(port), "4")
        assert (bare.stdout, server.asked()) == (f"{count}\n", [count])
    assert planned.stdout.startswith("plan: no changes; ")
    assert len(ROBOTS) == 3
    assert {one["method"] for one in asked} == {"GET"}
    of_all = [one["target"] for one in asked if one["target"].partition("?")[0].endswith(("/projects", "/quotas"))]
    assert len(of_all) == 2
    assert count - len(of_all) <= 8 * 3
