"""The CA as an anchor and in the bundle, with a stand-in for update-ca-certificates, in real shells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from moor.engine import script
from moor.engine.plan import plan
from moor.engine.script import apply_script, new_mark, probe_script, require_all, split_answers
from moor.pki.authority import CertificateNames, make_authority
from moor.resources.base import Later, State
from moor.tasks.trust import STORES, TrustedCa, TrustStore
from tests.harness.shells import SHELLS, sh

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW, OTHER = (
    make_authority(CertificateNames((name,)), 30, NOW).pem for name in ("old.test", "new.test", "other.test")
)
# Like Debian's: everything below anchors, one after the other; and a link a certificate.
UPDATE = """#!/bin/sh
cat "{folder}/system.crt" "{folder}"/anchors/*.crt > "{folder}/certs/bundle.crt"
for f in "{folder}"/anchors/*.crt; do
  l="{folder}/certs/$(basename "$f" .crt).pem"; [ -L "$l" ] || {{ ln -s "$f" "$l"; echo 1 >> "{folder}/added"; }}
done
"""


@dataclass(frozen=True)
class System:
    """A trust store below a directory."""

    folder: Path
    shell: str

    def trusted(self, pem: str | Later) -> TrustedCa:
        tool, anchors, bundle = (f"{self.folder}/{name}" for name in ("update", "anchors", "certs/bundle.crt"))
        return TrustedCa("moor ca", pem, (*STORES[:2], TrustStore(tool, anchors, bundle)))

    @property
    def anchor(self) -> Path:
        return self.folder / "anchors/moor ca.crt"

    @property
    def bundle(self) -> Path:
        return self.folder / "certs/bundle.crt"

    def read(self, pem: str | Later = NEW) -> State | None:
        mark, resource = new_mark(), self.trusted(pem)
        done = sh(self.shell, probe_script([resource.probe()], mark))
        (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
        assert (piece.code, piece.stderr) == (0, "")
        return resource.actual(piece.stdout)

    def planned(self, pem: str | Later = NEW) -> list[str]:
        resource = self.trusted(pem)
        return [change.diff for change in plan([resource], {resource.id: self.read(pem)})]

    def mend(self, pem: str | Later = NEW, run: str = "1", fragment: str = "") -> tuple[int, str]:
        mark = new_mark()
        done = sh(self.shell, apply_script([fragment or self.trusted(pem).mend(None)], mark, run))
        (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
        return piece.code, piece.stderr


@pytest.fixture(params=SHELLS)
def system(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """Return a store that trusts one other CA."""
    folder = tmp_path / "it's a store"
    monkeypatch.setattr(script, "RUNS", f"{folder}/runs")
    monkeypatch.setattr(script, "LOCK", f"{folder}/lock")
    for name in ("anchors", "certs"):
        (folder / name).mkdir(parents=True)
    (folder / "system.crt").write_text(OTHER)
    (folder / "certs/bundle.crt").write_text(OTHER)
    (folder / "update").write_text(UPDATE.format(folder=folder))
    (folder / "update").chmod(0o755)
    return System(folder, request.param)


def test_a_missing_anchor_is_planned_and_made(system: System) -> None:
    assert system.planned()
    assert system.mend() == (0, "")
    assert system.anchor.read_text() == NEW
    assert system.bundle.read_text() == OTHER + NEW
    assert system.planned() == []


def test_a_machine_that_nobody_has_read_gets_the_anchor_and_builds_its_bundle_once(system: System) -> None:
    for _ in range(2):
        assert system.mend(fragment=system.trusted(OLD + NEW).first_mend()) == (0, "")
        assert system.planned(OLD + NEW) == []
    (system.folder / "update").write_text("#!/bin/sh\nexit 1\n")
    assert system.mend(fragment=system.trusted(OLD + NEW).first_mend()) == (0, "")


def test_an_anchor_missing_from_the_bundle_is_planned(system: System) -> None:
    system.anchor.write_text(NEW)
    assert system.planned() == ["bundle: lacks it -> holds it"]
    assert system.mend() == (0, "")
    assert system.planned() == []


def test_a_former_ca_is_removed_with_its_anchor_and_link(system: System) -> None:
    assert system.mend(OLD) == (0, "")
    assert any("anchor:" in diff for diff in system.planned(NEW))
    assert system.mend(NEW, run="2") == (0, "")
    assert system.bundle.read_text() == OTHER + NEW
    assert (system.folder / "added").read_text() == "1\n1\n"
    assert Path(f"{system.folder}/runs/2/files{system.anchor}").read_text() == OLD


def test_line_ends_in_the_bundle_do_not_matter(system: System) -> None:
    system.mend()
    system.bundle.write_bytes((OTHER + NEW).replace("\n", "\r\n").encode())
    assert system.planned() == []


def test_an_anchor_without_any_certificate_is_not_held(system: System) -> None:
    system.anchor.write_text("nonsense\n")
    state = system.read()
    assert state is not None
    assert state["bundle"] == "lacks it"


def test_two_cas_are_two_anchors_and_a_former_ca_loses_its_own(system: System) -> None:
    assert system.mend(OLD) == (0, "")
    (shown,) = system.planned(OLD + NEW)
    assert shown.startswith("anchor-2:")
    assert system.mend(OLD + NEW, run="2") == (0, "")
    assert system.bundle.read_text().count("BEGIN") == 3
    assert {path.read_text() for path in system.anchor.parent.iterdir()} == {OLD, NEW}
    assert system.planned(OLD + NEW) == []
    assert any("anchor-2:" in diff for diff in system.planned(NEW))
    assert system.mend(NEW, run="3") == (0, "")
    assert [path.read_text() for path in system.anchor.parent.iterdir()] == [NEW]
    assert system.bundle.read_text() == OTHER + NEW
    assert system.planned(NEW) == []
    assert Path(f"{system.folder}/runs/3/files{system.folder}/anchors/moor ca-2.crt").read_text() == NEW


def test_every_anchor_must_be_in_the_bundle(system: System) -> None:
    system.mend(OLD + NEW)
    system.bundle.write_text(OTHER + OLD)
    assert system.planned(OLD + NEW) == ["bundle: lacks it -> holds it"]
    assert system.mend(OLD + NEW) == (0, "")
    assert system.planned(OLD + NEW) == []


def test_an_anchor_with_a_similar_name_stays(system: System) -> None:
    other = system.folder / "anchors/moor ca of others.crt"
    other.write_text(OTHER)
    assert system.mend(NEW) == (0, "")
    assert other.read_text() == OTHER


def test_an_anchor_with_more_than_its_certificate_is_planned(system: System) -> None:
    system.mend()
    system.anchor.write_text(NEW + OTHER)
    (shown,) = system.planned()
    assert shown.startswith("anchor:")
    assert system.mend() == (0, "")
    assert system.planned() == []


def test_an_anchor_that_others_cannot_read_is_planned(system: System) -> None:
    system.mend()
    system.anchor.chmod(0o600)
    assert system.planned() == ["mode: 600 -> 644"]


def test_a_missing_bundle_is_planned_and_not_an_error(system: System) -> None:
    system.mend()
    system.bundle.unlink()
    assert system.planned() == ["bundle: lacks it -> holds it"]


def test_a_host_without_a_known_trust_store_fails_with_a_clear_error(system: System) -> None:
    (system.folder / "update").unlink()
    assert system.read() is None
    code, words = system.mend()
    assert code == 1
    assert "no trust store" in words


def test_a_ca_that_is_not_made_yet_is_planned_and_never_written(system: System) -> None:
    assert system.planned(Later("the CA"))
    assert system.mend(Later("the CA"))[0] == 1
    assert not system.anchor.exists()
