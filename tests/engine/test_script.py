"""Scripts of many fragments: what goes in comes out, in every shell, and half a script does nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moor.engine.script import FragmentOutput, new_mark, probe_script, require_all, split_answers
from moor.errors import HostError
from moor.resources.base import literal
from tests.harness.shells import SHELLS, sh, text

ANY_BYTES = st.binary(max_size=400)


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=40, deadline=None)
@given(contents=st.lists(ANY_BYTES, min_size=1, max_size=4))
def test_any_bytes_come_back_as_they_were(shell: str, contents: list[bytes]) -> None:
    mark = new_mark()
    done = sh(shell, probe_script([literal(text(content)) for content in contents], mark))
    assert split_answers(done.stdout, done.stderr, mark) == [
        FragmentOutput(text(content), "", 0) for content in contents
    ]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_fragment_has_its_own_status_and_its_own_errors(shell: str) -> None:
    mark = new_mark()
    done = sh(shell, probe_script(["echo one; exit 3", "cd /; x=1; echo two >&2", "pwd; echo ${x-unset}"], mark))
    first, second, third = split_answers(done.stdout, done.stderr, mark)
    assert first == FragmentOutput("one\n", "", 3)
    assert second == FragmentOutput("", "two\n", 0)
    assert third.stdout.endswith("unset\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_fragment_that_reads_its_input_does_not_eat_the_next(shell: str) -> None:
    mark = new_mark()
    done = sh(shell, probe_script(["cat", "echo still here"], mark))
    assert [piece.stdout for piece in split_answers(done.stdout, done.stderr, mark)] == ["", "still here\n"]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_fragment_does_at_its_end_belongs_to_it(shell: str) -> None:
    mark = new_mark()
    done = sh(shell, probe_script(["trap 'echo over; echo gone >&2' EXIT; echo one; exit 3", "echo two"], mark))
    assert split_answers(done.stdout, done.stderr, mark) == [
        FragmentOutput("one\nover\n", "gone\n", 3),
        FragmentOutput("two\n", "", 0),
    ]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.99])
def test_half_a_script_does_nothing(shell: str, kept: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("half")
    script = probe_script([f"touch {folder}/{number}" for number in range(5)], new_mark())
    sh(shell, script[: int(len(script) * kept)])
    assert list(folder.iterdir()) == []


def test_an_answer_that_was_cut_off_is_an_error_with_the_last_output() -> None:
    mark = "moor-0"
    stdout = b"\nmoor-0 0 begin\nyes\nmoor-0 0 end 0\n\nmoor-0 1 begin\nha"
    with pytest.raises(HostError, match=r"1 of 2 parts.*Killed"):
        require_all(split_answers(stdout, b"", mark), 2, b"Killed")


@given(stdout=ANY_BYTES, stderr=ANY_BYTES)
def test_garbage_never_raises(stdout: bytes, stderr: bytes) -> None:
    assert split_answers(stdout, stderr, new_mark()) == []


def test_what_a_profile_prints_first_is_ignored() -> None:
    mark = "moor-0"
    stdout = b"Welcome!\nmoor-1 0 begin\n\nmoor-0 0 begin\nyes\nmoor-0 0 end 0\n"
    assert split_answers(stdout, b"", mark) == [FragmentOutput("yes", "", 0)]
