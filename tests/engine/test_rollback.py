"""What a run wrote is put back in every shell, and what somebody changed since is told apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from shlex import quote

import pytest

from moor.engine import script
from moor.engine.script import apply_script, probe_script, split_answers
from moor.engine.shell_functions import ENVIRONMENT
from moor.errors import HostError
from moor.resources.service import Service
from moor.run.rollback import ABSENT, BackedUpFiles, RestoredFile, WrittenFile, refuse_changed_files
from tests.harness.shells import SHELLS, sh, text

MARK = "moor-mark"
RUN = "20261124-150000-abcd"


class OneHost:
    """A host as far as its files go: a shell, and where it keeps what files held."""

    def __init__(self, shell: str, place: Path) -> None:
        self.shell, self.runs = shell, place / "runs"

    def apply(self, run: str, *fragments: str) -> list[int]:
        done = sh(self.shell, apply_script(fragments, MARK, run))
        return [piece.code for piece in split_answers(done.stdout, done.stderr, MARK)]

    def left(self, run: str = RUN) -> dict[str, WrittenFile]:
        kept = BackedUpFiles(run, str(self.runs))
        done = sh(self.shell, probe_script([kept.probe()], MARK))
        (piece,) = split_answers(done.stdout, done.stderr, MARK)
        assert piece.code == 0, piece.stderr
        return {one.path: one for one in kept.left(kept.actual(piece.stdout))}

    def put_back(self, one: WrittenFile, run: str = "20261124-160000-abcd") -> RestoredFile:
        made = RestoredFile(RUN, one.path, one.kept, str(self.runs))
        assert self.apply(run, made.mend(None)) == [0]
        found = sh(self.shell, f"{ENVIRONMENT}{made.probe()}")
        assert made.actual(text(found.stdout)) == made.desired(None)
        return made


@pytest.fixture(params=SHELLS)
def host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OneHost:
    made = OneHost(request.param, tmp_path)
    monkeypatch.setattr(script, "RUNS", str(made.runs))
    monkeypatch.setattr(script, "LOCK", str(tmp_path / "lock"))
    return made


@pytest.fixture
def write(host: OneHost) -> Callable[[Path, str], None]:
    """Have a run write a file, as moor's resources do."""

    def do(path: Path, content: str) -> None:
        assert host.apply(RUN, f"moor_keep {quote(str(path))}; printf '%s' {quote(content)} > {quote(str(path))}") == [
            0
        ]

    return do


Write = Callable[[Path, str], None]


@pytest.mark.parametrize("name", ["plain", "it's odd $(x)", "ends.absent"])
def test_a_file_gets_its_content_and_mode_back_and_the_age_of_now(
    host: OneHost, write: Write, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_text("before")
    path.chmod(0o640)
    os.utime(path, (1, 1))
    write(path, "after")
    one = host.left()[str(path)]
    assert not one.changed_since
    host.put_back(one)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("before", 0o640)
    assert path.stat().st_mtime > 1000  # so that a service that reads it is older than it
    assert [found.name for found in tmp_path.glob(".*.moor")] == []


def test_a_file_that_was_not_there_goes_again(host: OneHost, write: Write, tmp_path: Path) -> None:
    path = tmp_path / "new"
    write(path, "after")
    one = host.left()[str(path)]
    assert one.kept == ABSENT
    host.put_back(one)
    assert not path.exists()


def test_a_rollback_can_be_rolled_back(host: OneHost, write: Write, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    write(path, "after")
    host.put_back(host.left()[str(path)], run="20261124-160000-beef")
    again = host.left("20261124-160000-beef")[str(path)]
    back = RestoredFile("20261124-160000-beef", again.path, again.kept, str(host.runs))
    assert host.apply("20261124-170000-beef", back.mend(None)) == [0]
    assert path.read_text() == "after"


def test_what_somebody_changed_since_is_refused_with_its_path(host: OneHost, write: Write, tmp_path: Path) -> None:
    left, changed = tmp_path / "left", tmp_path / "changed"
    for path in (left, changed):
        write(path, "after")
    changed.write_text("by hand")
    with pytest.raises(HostError) as caught:
        refuse_changed_files(host.left().values(), RUN)
    assert f"{changed}: changed since" in str(caught.value)
    assert str(left) not in str(caught.value)
    assert "--force" in str(caught.value)


def test_what_is_as_it_was_already_is_no_reason_to_refuse(host: OneHost, write: Write, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    write(path, "after")
    path.write_text("before")
    refuse_changed_files(host.left().values(), RUN)


def test_a_run_that_was_cut_off_before_it_wrote_down_what_it_made_is_refused(
    host: OneHost, write: Write, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    write(path, "after")
    for written in (host.runs / RUN / "written").rglob("*"):
        if written.is_file():
            written.unlink()
    with pytest.raises(HostError, match="it is unknown what the run wrote"):
        refuse_changed_files(host.left().values(), RUN)


def test_a_run_that_fails_half_way_can_be_rolled_back(host: OneHost, tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert host.apply(RUN, f"moor_keep {quote(str(path))}; echo half > {quote(str(path))}; exit 1") == [1]
    assert not host.left()[str(path)].changed_since


def test_a_run_that_left_nothing_is_empty(host: OneHost) -> None:
    assert host.left("20261124-150000-ffff") == {}


def test_a_listing_that_makes_no_sense_is_the_hosts_error() -> None:
    for listing in ("one line", "a\nb", "a\nb c d e f"):
        with pytest.raises(HostError, match="cannot read the host's answer"):
            BackedUpFiles(RUN).left({"listing": listing})


def test_a_service_that_reads_what_is_put_back_is_started_after_it() -> None:
    service = Service("x", newer_than=("/etc/x",), put_back=True)
    assert service.follows(frozenset({"/etc/x"})) == Service("x", newer_than=("/etc/x",))
    assert service.follows(frozenset({"/etc/y"})) is None
