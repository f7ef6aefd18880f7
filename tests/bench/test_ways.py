"""The question whether packets pass is measured on lists whose answer is known."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.ways.contents import CHANGED, write
from bench.ways.measure import question
from bench.ways.question import ask


def test_the_nodes_whose_lines_the_plan_changes_are_shut_out_and_no_others(tmp_path: Path) -> None:
    nodes = CHANGED + 1
    write(tmp_path, nodes + 2)  # a line for each node, and two for all others
    answer = ask(tmp_path, nodes)
    shut = [way.host for way in answer.ways if not way.fits]
    assert shut == ["node0", "node0", "node100", "node100"]  # in both families
    assert all(way.now.verdict == "open" and way.now.back for way in answer.ways)
    assert {name: len(lines) for name, lines in answer.changed.items()} == {"core1": 4, "edge1": 4}
    done = subprocess.run([*question(tmp_path, 2).argv], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["verdicts"] == {"open, then shut": 2, "open, then open": 2}
