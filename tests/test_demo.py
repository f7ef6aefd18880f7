"""The demo says from the first second what it does and how long that takes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor_lab.building import Board, Part, roughly, run_watched
from scripts.install import Installation, pinned

ROOT = Path(__file__).parents[1]
TOOLS_OF_DEVELOPMENT = {"pytest", "selenium", "mypy", "ruff", "hypothesis", "sphinx", "pre-commit", "distributed"}
PIP = """\
Looking in indexes: https://example.org/simple
Collecting alembic==1.20.1 (from -r requirements-demo.txt (line 1))
  Downloading alembic-1.20.1-py3-none-any.whl (270 kB)
Processing /opt/wheels/annotated_types-0.8.0-py3-none-any.whl
Requirement already satisfied: anyio==4.16.0 in ./.venv/lib
Installing collected packages: alembic, annotated-types
"""


def test_the_demo_installs_no_tool_of_development_and_only_what_tests_have_too() -> None:
    names, all_names = (
        set(re.findall(r"^([a-z0-9-]+==\S+)", (ROOT / f"requirements-{name}.txt").read_text(), re.MULTILINE))
        for name in ("demo", "dev")
    )
    assert names <= all_names
    assert not TOOLS_OF_DEVELOPMENT & {line.partition("==")[0] for line in names}
    assert pinned((ROOT / "requirements-demo.txt").read_text()) == len(names) < len(all_names) * 0.7


def test_what_pip_does_is_counted_and_the_time_left_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    state = Installation(4, began=100.0)
    monkeypatch.setattr("scripts.install.installed", lambda: 10)
    assert state.line(100.0, 10) == "moor: 0 of 4 libraries here; 0 s so far, the time left is not known yet"
    for line in PIP.splitlines()[:5]:
        state.read(line)
    assert state.line(130.0, 10) == "moor: 3 of 4 libraries here (anyio); 30 s so far, about 50 s left"
    state.read(PIP.splitlines()[5])
    assert state.line(140.0, 11) == "moor: 1 of 2 libraries unpacked; 40 s so far, about 13 s left"
    assert state.line(160.0, 12).endswith("2 of 2 libraries unpacked; 60 s so far, about 5 s left")


def test_the_stages_of_mmdebstrap_are_followed_and_its_errors_kept(tmp_path: Path) -> None:
    tool = tmp_path / "mmdebstrap"
    tool.write_text("#!/bin/sh\necho 'I: running apt-get update...' >&2; echo 'E: no space' >&2; exit 3\n")
    tool.chmod(0o755)
    part = Part("trixie bare", 1)
    assert run_watched([str(tool)], part) == (3, ["I: running apt-get update...", "E: no space"])
    assert part.doing == "reading package lists"


def test_images_show_their_share_what_is_done_and_about_how_long_the_rest_takes() -> None:
    board, said = Board(), list[str]()
    with board.shown(said.append):
        pass
    assert said == []  # nothing is to be built
    board.expect("node", 3)
    with board.building("layer", 1) as layer:
        layer.read("I: extracting archives...")
        assert board.line(60) == "images: 8% (layer: unpacking); 1 min 0 s so far"
    assert board.line(60) == "images: 25%; 1 min 0 s so far, about 3 min left"
    with board.shown(said.append):
        pass
    assert "images to build, once: node, layer" in said[0]


@given(st.floats(0, 1e5))
def test_an_estimate_is_a_round_number(seconds: float) -> None:
    number, unit = re.fullmatch(r"about (\d+) (s|min)", roughly(seconds)).groups()  # type: ignore[union-attr]
    assert int(number) * (60 if unit == "min" else 1) == pytest.approx(
        seconds, abs=max(31.0, 0.0) if seconds > 90 else 10.1
    )


def test_the_welcome_names_every_part_with_its_time() -> None:
    done = subprocess.run(["sh", ROOT / "scripts/welcome.sh"], capture_output=True, text=True, check=True)
    assert [line[2] for line in done.stderr.splitlines()[1:]] == ["1", "2", "3", "4"]
