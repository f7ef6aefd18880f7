"""What an apply script does besides its fragments: the lock, what is kept, what is put back, what is tidied away."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from shlex import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moor.engine.script import apply_script, split_answers
from tests.harness.shells import SHELLS, sh

MARK = "moor-mark"
Apply = Callable[..., "subprocess.CompletedProcess[bytes]"]


pytestmark = pytest.mark.usefixtures("host_folder")


@pytest.fixture(params=SHELLS)
def apply(request: pytest.FixtureRequest) -> Apply:
    """Return what runs fragments as a run of a given name does, in each shell."""
    return lambda run, *fragments: sh(request.param, apply_script(fragments, MARK, run))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_that_nobody_hears_any_longer_goes_on_to_its_end(shell: str, tmp_path: Path) -> None:
    text = apply_script([f"echo {number}; seq 20000; touch {tmp_path}/{number}" for number in range(3)], MARK, "run-1")
    argv = [*SHELLS[shell], "-s"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()  # as sshd does where the connection is lost
        process.stderr.close()
        process.stdin.write(text.encode())
        process.stdin.close()
        process.wait(60)
    assert {path.name for path in tmp_path.iterdir()} == {"0", "1", "2"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("code", [0, 3])
def test_what_a_host_holds_afterwards_is_read_without_the_lock_however_it_went(
    shell: str, code: int, tmp_path: Path, host_folder: Path
) -> None:
    fragments = [f"echo new > {tmp_path}/file; sleep 9 & echo done", f"echo said >&2; exit {code}", "echo never"]
    asked = [f"cat {tmp_path}/file", f"flock -n {host_folder}/lock echo free", "echo wrong >&2; exit 4"]
    done = sh(shell, apply_script(fragments, MARK, "run-1", asked, "moor-other"))
    pieces = split_answers(done.stdout, done.stderr, MARK)
    assert [piece.code for piece in pieces] == ([0, 3] if code else [0, 0, 0])
    assert (pieces[1].stdout, pieces[1].stderr) == ("", "said\n")
    read = split_answers(done.stdout, done.stderr, "moor-other")
    assert [(piece.stdout, piece.stderr, piece.code) for piece in read] == [
        ("new\n", "", 0), ("free\n", "", 0), ("", "wrong\n", 4),
    ]  # fmt: skip


LINES = st.lists(st.text("a\\\\'$%é \t", max_size=9), max_size=9)


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(st.tuples(LINES, LINES), min_size=1, max_size=3), many=st.integers(0, 2000))
def test_what_fragments_say_comes_through_whatever_it_is(
    shell: str, said: list[tuple[list[str], list[str]]], many: int
) -> None:
    pairs = [("\n".join(out), "\n".join(err)) for out, err in said]
    numbers = "".join(f"{number}\n" for number in range(1, many + 1))
    fragments = [f"printf %s {quote(out)}; printf %s {quote(err)} >&2" for out, err in pairs]
    done = sh(shell, apply_script([*fragments, f"seq {many}; seq {many} >&2"], MARK, "run-1"))
    told = [(piece.stdout, piece.stderr, piece.code) for piece in split_answers(done.stdout, done.stderr, MARK)]
    assert told == [(out, err, 0) for out, err in [*pairs, (numbers, numbers)]]


def test_what_a_fragment_leaves_running_holds_neither_the_script_nor_the_lock_up(apply: Apply) -> None:
    assert codes(apply("run-1", "sleep 90 &")) == [0]  # it keeps its outputs open longer than is waited for here
    assert codes(apply("run-2", ":")) == [0]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a file of a service, its name as odd as they come."""
    path = tmp_path / "it's a\n-config"
    path.write_text("first\n")
    return path


def written(path: Path, content: str) -> str:
    return f"moor_keep {quote(str(path))}; printf '%s\\n' {content} > {quote(str(path))}"


def codes(done: subprocess.CompletedProcess[bytes]) -> list[int]:
    return [piece.code for piece in split_answers(done.stdout, done.stderr, MARK)]


def test_nobody_else_can_hold_the_lock_or_read_who_does(apply: Apply, host_folder: Path) -> None:
    (host_folder / "lock").touch(0o644)
    assert codes(apply("run-1", ":")) == [0]
    assert (host_folder / "lock").stat().st_mode & 0o777 == 0o600


def test_files_are_still_written_for_all_to_read(apply: Apply, tmp_path: Path) -> None:
    apply("run-1", f": > {quote(str(tmp_path / 'file'))}")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_tidying_spares_the_run_itself_though_the_controllers_clock_is_behind(
    apply: Apply, host_folder: Path, config: Path
) -> None:
    for number in range(25):
        (host_folder / "runs" / f"2030-{number:02}").mkdir(parents=True)
    apply("2020-00", written(config, "second"))
    names = {path.name for path in (host_folder / "runs").iterdir()}
    assert "2020-00" in names
    assert "2030-24" in names
    assert len(names) == 21


def test_what_a_run_changed_is_put_back(apply: Apply, config: Path) -> None:
    done = apply("run-1", written(config, "second"), f"moor_put_back {quote(str(config))}")
    assert codes(done) == [0, 0]
    assert config.read_text() == "first\n"


def test_a_file_that_was_not_there_is_gone_again(apply: Apply, config: Path) -> None:
    config.unlink()
    apply("run-1", written(config, "second"), f"moor_put_back {quote(str(config))}")
    assert not config.exists()


def test_what_a_killed_run_changed_is_put_back_by_the_next(apply: Apply, config: Path) -> None:
    apply("run-1", written(config, "second"))
    apply("run-2", f"moor_put_back {quote(str(config))}")
    assert config.read_text() == "first\n"


def test_what_a_service_came_up_with_is_not_replaced_by_what_was_before(apply: Apply, config: Path) -> None:
    apply("run-1", written(config, "second"), f"moor_settled {quote(str(config))}")
    done = apply("run-2", f"moor_put_back {quote(str(config))}")
    assert codes(done) == [1]
    assert config.read_text() == "second\n"


def test_what_is_refused_after_a_run_that_went_well_gives_way_to_what_that_run_wrote(
    apply: Apply, config: Path, host_folder: Path
) -> None:
    apply("run-1", written(config, "second"), f"moor_settled {quote(str(config))}")
    apply("run-2", written(config, "third"), f"moor_put_back {quote(str(config))}")
    assert config.read_text() == "second\n"
    assert (host_folder / "runs" / "run-2" / "refused" / str(config)[1:]).read_text() == "third\n"


def test_a_link_stays_a_link_when_its_file_is_put_back(apply: Apply, config: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(config)
    apply("run-1", written(link, "second"), f"moor_put_back {quote(str(link))}")
    assert link.is_symlink()
    assert config.read_text() == "first\n"
