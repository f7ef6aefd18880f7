"""The certificate is copied to nginx's directory without prepare; Docker is a script that records its arguments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from moor.engine.plan import plan
from moor.engine.script import apply_script, new_mark, probe_script, require_all, split_answers
from moor.resources.base import State
from moor.resources.file import File
from moor.tasks.pki.serving import DeployedCertificate
from tests.harness.shells import SHELLS, sh


@dataclass(frozen=True)
class Machine:
    """A registry host below a directory."""

    folder: Path
    shell: str

    @property
    def resource(self) -> DeployedCertificate:
        place = str(self.folder)
        return DeployedCertificate(f"{place}/secret/cert", place, f"{place}/registry.crt", f"{place}/registry.key")

    def read(self) -> State | None:
        mark = new_mark()
        done = sh(self.shell, probe_script([self.resource.probe()], mark))
        (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
        assert (piece.code, piece.stderr) == (0, "")
        return self.resource.actual(piece.stdout)

    def planned(self) -> list[str]:
        return [change.diff for change in plan([self.resource], {self.resource.id: self.read()})]

    def mend(self) -> tuple[int, str]:
        mark = new_mark()
        done = sh(self.shell, apply_script([self.resource.mend(None)], mark, "1"))
        (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
        return piece.code, piece.stderr


@pytest.fixture(params=SHELLS)
def machine(request: pytest.FixtureRequest, tmp_path: Path, host_folder: Path) -> Machine:
    (tmp_path / "secret/cert").mkdir(parents=True)
    for name, content in {"registry.crt": "new", "registry.key": "new key"}.items():
        (tmp_path / name).write_text(content)
    for name in ("server.crt", "server.key"):
        (tmp_path / "secret/cert" / name).write_text("old")
        (tmp_path / "secret/cert" / name).chmod(0o640)
    return Machine(tmp_path, request.param)


def test_a_changed_pair_is_copied_with_its_former_owner_and_mode(machine: Machine) -> None:
    assert machine.planned()[0].count("another") == 2
    code, _ = machine.mend()
    assert code == 0
    held = machine.folder / "secret/cert"
    assert {path.name: path.read_text() for path in held.iterdir()} == {"server.crt": "new", "server.key": "new key"}
    assert {path.stat().st_mode & 0o777 for path in held.iterdir()} == {0o640}
    assert machine.planned() == []


def test_an_unreadable_source_leaves_the_former_pair_unchanged(machine: Machine) -> None:
    (machine.folder / "registry.key").unlink()
    code, words = machine.mend()
    assert code != 0
    assert "cannot write" in words
    assert {path.read_text() for path in (machine.folder / "secret/cert").iterdir()} == {"old"}


def test_a_host_without_harbor_gets_a_plan_and_no_error(machine: Machine) -> None:
    for path in (machine.folder / "secret/cert").iterdir():
        path.unlink()
    assert machine.read() is None
    assert machine.planned()


def test_a_planned_certificate_plans_its_copy_too(machine: Machine) -> None:
    certificate, held = File(machine.resource.certificate, "newest"), machine.resource
    machine.mend()
    states = {held.id: machine.read(), certificate.id: {"owner": "root:root", "mode": "0644", "content": "new"}}
    assert [change.id for change in plan([certificate, held], states)] == [certificate.id, held.id]
