"""The demo says from the first second what it does and how long that takes."""

from __future__ import annotations

import re
import shutil
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


# Answers as moor does: a plan has changes until something was applied, drift and diagnose find the broken node.
STUB = """\
#!/bin/sh
case "$1 $2" in
"plan ") [ -e applied ] || { echo "plan: 61 changes on 6 hosts"; exit 2; }; echo "plan: no changes; 148 right" ;;
"apply --yes") touch applied; echo "apply: 61 changed, 0 failed, 0 skipped on 6 hosts; 87 as they should be" ;;
"apply names") rm broken; echo "apply: 1 changed, 0 failed, 0 skipped on 1 host; 3 as they should be" ;;
"lab shell") case "$*" in *sed*) touch broken ;; *) echo '{"sqrt": 1.4142135623730951}' ;; esac ;;
"drift "* | "diagnose "*) [ -e broken ] && echo "drift: 2 findings; 7 of 7 hosts examined" && exit 2 ;;
"verify ") [ -e broken ] && echo "node2 ok FAULT" && exit 2; echo "node2 ok ok" ;;
"report "*) touch report.html ;;
esac
"""


def demo(place: Path, stub: str = STUB) -> subprocess.CompletedProcess[str]:
    """Run the demo in a directory whose moor answers as told."""
    for folder in ("scripts", ".venv/bin"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "scripts/demo.sh", place / "scripts")
    (place / ".venv/bin/moor").write_text(stub)
    (place / ".venv/bin/moor").chmod(0o755)
    return subprocess.run(["sh", "scripts/demo.sh"], cwd=place, capture_output=True, text=True, check=False)


def test_the_demo_breaks_a_node_mends_it_and_ends_with_a_table_and_three_things_to_try(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^== (\d+) of 12, about \d+ s left: ", done.stderr, re.MULTILINE) == [
        str(n) for n in range(1, 13)
    ]
    table = done.stderr.partition("What happened:")[2]
    rows = dict(re.findall(r"^  (\S.{43}) (\S.*?)  +\d+ s$", table, re.MULTILINE))
    assert {title.strip(): came for title, came in rows.items()} | {
        "Make it: CA, names, Harbor, images, workload": "61 changed on 6 hosts",
        "What was changed without a plan?": "2 findings",
        "The remedy": "1 changed on 1 host",
        "Every node proves it again": "2 proofs hold, 0 do not",
    } == {title.strip(): came for title, came in rows.items()}
    assert max(map(len, table.partition("Open")[0].splitlines())) <= 80
    assert f"file://{tmp_path}/report.html" in table
    assert "moor serve" in table
    assert re.findall(r"^  (\d)\.", table, re.MULTILINE) == ["1", "2", "3"]


def test_a_second_demo_leaves_out_what_is_there(tmp_path: Path) -> None:
    demo(tmp_path)
    again = demo(tmp_path)
    assert again.returncode == 0
    assert re.findall(r"^== (\d+) of 8", again.stderr, re.MULTILINE)[-1] == "8"
    assert "$ moor apply --yes" not in again.stderr


def test_a_step_that_fails_stops_the_demo_with_its_answer_and_command(tmp_path: Path) -> None:
    done = demo(tmp_path, STUB.replace("touch applied", "echo 'harbor1: no answer'; exit 1; touch applied"))
    assert done.returncode == 1
    assert "harbor1: no answer" in done.stdout
    assert "the demo stops here: 'moor apply --yes' ended with exit code 1" in done.stderr
