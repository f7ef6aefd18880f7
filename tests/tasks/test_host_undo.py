"""An unconfirmed change is undone, a confirmed one stays; never both."""

from __future__ import annotations

from pathlib import Path

import pytest

from moor.engine.shell_functions import FUNCTIONS
from moor.tasks.host_undo import Undo
from tests.harness.shells import SHELLS, sh
from tests.harness.waiting import eventually, stays, until

UNDO = Undo("firewall", "rules")
SNAPSHOT, RESTORE = 'cat "$d/../rules" > "$d/former"', 'cat "$d/former" > "$d/../rules"'


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    (tmp_path / "rules").write_text("former")
    return str(request.param)


def run(shell: str, tmp_path: Path, fragment: str) -> tuple[int, str]:
    """Run a fragment on a host without systemd, with a directory of the test as /run."""
    here = fragment.replace(UNDO.directory, str(tmp_path / "undo")).replace("/run/systemd/system", "/nonexistent")
    done = sh(shell, f"{FUNCTIONS}(\n{here}\n) </dev/null")
    return done.returncode, done.stderr.decode()


def change(load: str, after_s: int) -> str:
    return UNDO.arm_and_load([SNAPSHOT], [RESTORE], [load], after_s)


def rules(tmp_path: Path) -> str:
    return (tmp_path / "rules").read_text()


def test_a_change_that_nobody_confirms_is_undone_and_cannot_be_confirmed_then(shell: str, tmp_path: Path) -> None:
    assert run(shell, tmp_path, change('printf new > "$d/../rules"', 1)) == (0, "")
    assert rules(tmp_path) == "new"
    assert eventually(lambda: rules(tmp_path) == "former", 20)
    code, said = run(shell, tmp_path, UNDO.disarm_and_keep(['printf kept > "$d/../rules"']))
    assert (code, said.strip()) == (1, "the undo came first: the former rules are back; run again")
    assert rules(tmp_path) == "former"


def test_an_undo_that_comes_due_while_rules_are_loaded_has_the_last_word(shell: str, tmp_path: Path) -> None:
    assert run(shell, tmp_path, change('printf new > "$d/../rules"; sleep 3; printf new > "$d/../rules"', 1)) == (0, "")
    until((tmp_path / "undo/undone").exists, "the undo has come", 20)
    assert eventually(lambda: rules(tmp_path) == "former", 5)
    assert stays(lambda: rules(tmp_path) == "former", 0.5)


def test_a_restore_that_fails_for_a_moment_is_tried_again(shell: str, tmp_path: Path) -> None:
    busy = '[ -e "$d/tried" ] || { : > "$d/tried"; exit 1; }\n' + RESTORE
    assert run(shell, tmp_path, UNDO.arm_and_load([SNAPSHOT], [busy], ['printf new > "$d/../rules"'], 1)) == (0, "")
    assert eventually(lambda: rules(tmp_path) == "former", 20)


def test_a_change_that_is_confirmed_stays_and_leaves_nothing_behind(shell: str, tmp_path: Path) -> None:
    run(shell, tmp_path, change('printf new > "$d/../rules"', 1))
    assert run(shell, tmp_path, UNDO.disarm_and_keep(['printf kept > "$d/../kept"'])) == (0, "")
    # the undo comes after a second and finds nothing to do
    assert stays(lambda: sorted(path.name for path in tmp_path.iterdir()) == ["kept", "rules"], 1.5)
    assert rules(tmp_path) == "new"


def test_what_cannot_be_loaded_is_undone_at_once(shell: str, tmp_path: Path) -> None:
    code, said = run(shell, tmp_path, change('printf half > "$d/../rules"; echo refused >&2; exit 1', 60))
    assert (code, said.splitlines()) == (
        1,
        ["refused", "the rules could not be set; the former ones are back"],
    )
    assert rules(tmp_path) == "former"


def test_a_second_change_waits_for_the_undo_of_the_first(shell: str, tmp_path: Path) -> None:
    run(shell, tmp_path, change(":", 2))
    code, said = run(shell, tmp_path, change(":", 2))
    assert (code, said.strip()) == (1, "the undo of another change is still armed; run again in a minute")
    assert run(shell, tmp_path, UNDO.disarm_and_keep([])) == (0, "")
