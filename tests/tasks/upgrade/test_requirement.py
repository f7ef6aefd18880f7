"""What an upgrade needs of the host is read by one fragment, in every shell, and judged before anything is changed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from moor.engine.plan import plan
from moor.tasks.harbor.upgrade.requirement import UpgradeRequirement
from moor.tasks.harbor.upgrade.state import BY_HAND, Found, Place, look_fragment, parse_found
from tests.harness.shells import SHELLS, sh, text

OLD, NEW = (f"harbor-offline-installer-{version}.tgz" for version in ("v2.8.3", "v2.9.5"))
REQUIRED = UpgradeRequirement(Place("/opt/harbor", "/data"), NEW, 100_000)
FOUND = Found(OLD, databases=("pg13",), machine="x86_64", sizes={"used": 9, "free": 10**7, "docker": 10**7})
JOURNAL = {"from": OLD, "to": NEW}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Found(), ""),
        (FOUND, ""),
        (replace(FOUND, installed=NEW), ""),
        (replace(FOUND, installed=BY_HAND), "was not unpacked by moor"),
        (replace(FOUND, installed=NEW.replace("9.5", "10.3")), "is older than"),
        (replace(FOUND, databases=()), "an empty one"),
        (replace(FOUND, machine="aarch64"), "made for x86_64"),
        (replace(FOUND, sizes={**FOUND.sizes, "free": 100}), "/data has 0 MB free, 256 MB are needed"),
        (replace(FOUND, sizes={**FOUND.sizes, "docker": 100}), "/var/lib/docker has 0 MB free, 390 MB"),
        (replace(FOUND, journal=JOURNAL), ""),
        (replace(FOUND, journal={**JOURNAL, "to": OLD.replace("8.3", "8.4")}), "was interrupted; name .*8.4.tgz to go"),
        (replace(FOUND, journal={"from": NEW, "to": NEW.replace("9.5", "10.3")}), ""),  # go back
    ],
)
def test_what_would_lose_data_is_refused_with_a_remedy(found: Found, said: str) -> None:
    faults = REQUIRED.faults(found)
    assert re.search(said, "\n".join(faults)) if said else faults == []


def test_all_faults_of_a_host_are_told_at_once() -> None:
    assert len(REQUIRED.faults(replace(FOUND, databases=(), machine="aarch64", sizes={"free": 0, "docker": 0}))) == 4


def test_an_external_database_is_left_to_its_owner() -> None:
    (fault,) = replace(REQUIRED, external_database=True).faults(replace(FOUND, databases=()))
    assert "take a snapshot of it" in fault


def installed(place: Place, package: str, *databases: str) -> None:
    Path(place.directory).mkdir(parents=True)
    (Path(place.directory) / ".moor-unpacked").write_text(f"{package}\n")
    for name in databases:
        version = Path(place.data_volume, "database", name, "PG_VERSION")
        version.parent.mkdir(parents=True)
        version.write_text("13\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_host_is_read_in_every_shell(shell: str, tmp_path: Path) -> None:
    place = Place(f"{tmp_path}/opt/my harbor", f"{tmp_path}/data")

    def look() -> Found:
        done = sh(shell, look_fragment(place, NEW))
        assert (done.returncode, done.stderr) == (0, b"")
        return parse_found(text(done.stdout))

    assert look() == Found()
    installed(place, OLD, "pg13", "pg14")
    found = look()
    assert (found.installed, found.databases, found.begun) == (OLD, ("pg13", "pg14"), False)
    assert set(found.sizes) == {"used", "free", "docker"}
    assert found.sizes["used"] > 0
    Path(place.work).mkdir()
    Path(place.work, "journal").write_text(f"from {OLD}\nto {NEW}\ncounts projects=1\n")
    Path(place.work, "back").write_text("not healthy:\n  core is down")
    found = look()
    assert found.journal == {**JOURNAL, "counts": "projects=1"}
    assert (found.marks, found.cause, found.sizes) == (frozenset({"back"}), "not healthy:\n  core is down", {})


def test_a_host_without_harbor_has_nothing_to_require(tmp_path: Path) -> None:
    required = replace(REQUIRED, place=Place(f"{tmp_path}/harbor", f"{tmp_path}/data"))
    state = required.actual(text(sh("dash", required.probe()).stdout))
    assert plan([required], {required.id: state}) == []
