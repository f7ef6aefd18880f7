"""An upgrade that is killed before any of its commands: going on ends with all of the new, going back with the old."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from moor.engine.script import apply_script, split_answers
from moor.tasks.harbor.upgrade.state import DONE, MOVED, Found, Place, look_fragment, parse_found
from moor.tasks.upgrade import scripts
from tests.harness.shells import SHELLS, sh, text

pytestmark = pytest.mark.usefixtures("host_folder")

OLD, NEW = (f"harbor-offline-installer-{version}.tgz" for version in ("v2.8.3", "v2.9.5"))
JOURNAL = {"from": OLD, "to": NEW, "counts": "projects=1 artifacts=2"}
FLAGS = ("--with-trivy",)
# Docker's part: a release that comes up takes the database over as its image does, and writes into it.
COMMANDS = """\
step() { # KILL commands are run, and the shell with all it has started dies before the next
  n=$(($(command cat "$STEPS") + 1)); echo "$n" > "$STEPS"
  if [ "$n" = "$KILL" ]; then kill -9 0; fi
}
mv() { step; command mv "$@"; }
cp() { step; command cp "$@"; }
rm() { step; command rm "$@"; }
mkdir() { step; command mkdir "$@"; }
find() { step; command find "$@"; }
sync() { step; }
docker() {
  step
  [ "$1 $2" = 'compose up' ] || return 0
  [ -e docker-compose.yml ] || return 1
  data=$(command cat docker-compose.yml)
  if [ -e takes-over ] && [ -e "$data/database/pg13" ]; then
    command mv "$data/database/pg13" "$data/database/pg14"
    echo migrated > "$data/database/pg14/rows"
  fi
}
"""


@dataclass
class Host:
    """A host with a Harbor that a folder stands for."""

    folder: Path
    shell: str = "dash"

    @property
    def place(self) -> Place:
        return Place(f"{self.folder}/opt/harbor", f"{self.folder}/data")

    @property
    def steps(self) -> int:
        """Return how many commands the last script ran."""
        return int((self.folder / "steps").read_text())

    def run(self, *fragments: str, kill: int = 0) -> tuple[bool, str]:
        """Run fragments as an apply does, killed before command number ``kill``; return whether all succeeded."""
        (self.folder / "steps").write_text("0\n")
        script = apply_script([COMMANDS + fragment for fragment in fragments], "moor-0", "run")
        done = subprocess.run(
            [*SHELLS[self.shell], "-s"], input=script.encode(), capture_output=True, check=False, timeout=120,
            env=os.environ | {"STEPS": f"{self.folder}/steps", "KILL": str(kill)}, start_new_session=True,
        )  # fmt: skip
        pieces = split_answers(done.stdout, done.stderr, "moor-0")
        said = "".join(piece.stderr for piece in pieces)
        return len(pieces) == len(fragments) and not any(piece.code for piece in pieces), said

    def look(self) -> Found:
        return parse_found(text(sh(self.shell, look_fragment(self.place, NEW)).stdout))

    def tree(self) -> dict[str, str]:
        """Return what is left on the host: files by path, without what the test itself keeps."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != "steps")
        return {str(path.relative_to(self.folder)): path.read_text() for path in files}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def installed(folder: Path, shell: str = "dash") -> Host:
    """Make a host on which the old release runs and the new one is staged."""
    host = Host(folder, shell)
    write(
        folder / "opt/harbor", {".moor-unpacked": OLD, ".moor-flags": "", "docker-compose.yml": host.place.data_volume}
    )
    prepare = f"#!/bin/sh\nprintf %s {host.place.data_volume} > docker-compose.yml\n"
    write(folder / "opt/harbor.upgrade/harbor", {".moor-unpacked": NEW, "prepare": prepare, "takes-over": ""})
    (folder / "opt/harbor.upgrade/harbor/prepare").chmod(0o755)
    write(folder / "data", {
        "database/pg13/rows": "all", "database/pg13/PG_VERSION": "13", "redis/dump.rdb": "jobs",
        "secret/keys/secretkey": "k3y", "registry/blob": "image",
    })  # fmt: skip
    return host


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def forward(host: Host) -> Sequence[str]:
    return scripts.begin(host.place, JOURNAL), scripts.switch(host.place), scripts.start(host.place, FLAGS)


def is_new(host: Host) -> bool:
    tree = host.tree()
    new = {
        "opt/harbor/.moor-unpacked": NEW, "opt/harbor/.moor-flags": "--with-trivy\n",
        "data/database/pg14/rows": "migrated\n", "data/redis/dump.rdb": "jobs", "data/secret/keys/secretkey": "k3y",
    }  # fmt: skip
    assert {name: tree.get(name) for name in new} == new
    return not [name for name in tree if "upgrade" in name or "pg13" in name]


def is_old(host: Host, before: dict[str, str]) -> bool:
    return {name: content for name, content in host.tree().items() if ".upgrade" not in name} == before


def run_on(host: Host) -> None:
    """Go on as the next apply does."""
    found = host.look()
    if DONE not in found.marks:
        steps = forward(host)
        assert host.run(*(steps[1:] if found.begun else steps)) == (True, "")
    assert host.run(scripts.accept(host.place, FLAGS)) == (True, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_new_release_takes_the_place_of_the_old_with_its_data(shell: str, folder: Path) -> None:
    host = installed(folder, shell)
    assert host.run(*forward(host)) == (True, "")
    assert host.look().marks == {MOVED}
    assert host.look().journal.keys() == {*JOURNAL, "stopped"}
    assert host.run(scripts.accept(host.place, FLAGS)) == (True, "")
    assert is_new(host)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_old_release_comes_back_with_its_data(shell: str, folder: Path) -> None:
    host = installed(folder, shell)
    before = {name: content for name, content in host.tree().items() if ".upgrade" not in name}
    assert host.run(*forward(host)) == (True, "")
    assert not is_old(host, before)
    assert host.run(scripts.go_back(host.place, "it's not healthy"), scripts.sweep(host.place)) == (True, "")
    assert is_old(host, before)
    assert not [name for name in host.tree() if ".upgrade" in name]


def count_steps(folder: Path, *fragments: str) -> int:
    host = installed(folder)
    host.run(*fragments)
    return host.steps


def test_killed_anywhere_the_next_apply_goes_on(tmp_path: Path) -> None:
    first = Host(tmp_path / "0")
    for kill in range(1, count_steps(first.folder, *forward(first)) + 1):
        host = installed(tmp_path / str(kill))
        host.run(*forward(host), kill=kill)
        run_on(host)
        assert is_new(host), kill


def test_killed_anywhere_the_next_apply_goes_back(tmp_path: Path) -> None:
    first = Host(tmp_path / "0")
    for kill in range(1, count_steps(first.folder, *forward(first)) + 1):
        host = installed(tmp_path / str(kill))
        before = {name: content for name, content in host.tree().items() if ".upgrade" not in name}
        host.run(*forward(host), kill=kill)
        if host.look().begun:
            assert host.run(scripts.go_back(host.place, "named again"), scripts.sweep(host.place)) == (True, "")
        assert is_old(host, before), kill


def test_killed_anywhere_on_the_way_back_the_next_apply_finishes_it(tmp_path: Path) -> None:
    first = installed(tmp_path / "0")
    back = scripts.go_back(first.place, "it is not healthy"), scripts.sweep(first.place)
    first.run(*forward(first))
    first.run(*back)
    for kill in range(1, first.steps + 1):
        host = installed(tmp_path / str(kill))
        before = {name: content for name, content in host.tree().items() if ".upgrade" not in name}
        assert host.run(*forward(host)) == (True, "")
        host.run(scripts.go_back(host.place, "it is not healthy"), scripts.sweep(host.place), kill=kill)
        if host.look().begun:
            assert host.look().cause == "it is not healthy"
            assert host.run(scripts.go_back(host.place, ""), scripts.sweep(host.place)) == (True, "")
        assert is_old(host, before), kill


def test_killed_while_it_removes_the_former_release_it_stays_with_the_new_one(tmp_path: Path) -> None:
    first = installed(tmp_path / "0")
    first.run(*forward(first))
    first.run(scripts.accept(first.place, FLAGS))
    for kill in range(1, first.steps + 1):
        host = installed(tmp_path / str(kill))
        assert host.run(*forward(host)) == (True, "")
        host.run(scripts.accept(host.place, FLAGS), kill=kill)
        found = host.look()
        assert found.progress == ("accepted and not cleaned up" if found.begun else "ended and not cleaned up")
        assert host.run(scripts.accept(host.place, FLAGS) if found.begun else scripts.sweep(host.place)) == (True, "")
        assert is_new(host), kill
        assert host.look().progress == ""


@pytest.mark.parametrize("what", ["docker compose down", "cp"])
def test_where_harbor_cannot_be_stopped_or_copied_the_old_release_runs_on(what: str, folder: Path) -> None:
    host = installed(folder)
    before = {name: content for name, content in host.tree().items() if ".upgrade" not in name}
    fails = {
        "docker compose down": 'docker() { [ "$2" != down ]; }\n',
        "cp": "cp() { echo 'No space left on device' >&2; return 1; }\n",
    }
    place = host.place
    good, said = host.run(scripts.begin(place, JOURNAL), fails[what] + scripts.switch(place), scripts.start(place, ()))
    assert not good
    assert "the former release runs again, as it was" in said
    assert is_old(host, before)
    assert not host.look().begun
    run_on(host)
    assert is_new(host)


def test_data_that_are_gone_from_the_copy_are_not_erased(folder: Path) -> None:
    host = installed(folder)
    host.run(*forward(host))
    subprocess.run(["rm", "-r", f"{host.place.copy}/database"], check=True)
    good, said = host.run(scripts.go_back(host.place, "x"))
    assert (good, said) == (False, f"{host.place.copy}/database, the copy of the data, is missing; restore a backup\n")
    assert host.tree()["data/database/pg14/rows"] == "migrated\n"
