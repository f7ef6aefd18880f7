"""Packages are resolved and fetched by apt itself, from the sources that hosts have, and carried with an index."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from moor.tasks.bundle import packages as on_host
from moor.tasks.bundle.manifest import parse_manifest
from moor.tasks.bundle.opened import read_manifest
from moor.tasks.bundle.settings import PackageSources
from moor.tasks.bundling import debs
from moor.tasks.bundling.needs import PackageNeed
from moor.tasks.bundling.workshop import Workshop
from tests.harness.commands import moor_here
from tests.tasks.bundle.carrying import carrying_site, deb, repository

WANTED = ("moor-test-a",)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Return sources with a package that needs two others, of which the base system has one."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    made = [
        deb(folder, "moor-test-a", "1:2.0-1", "moor-test-b (>= 1), moor-test-base"),
        deb(folder, "moor-test-b", "1.5+b1"),
        deb(folder, "moor-test-base", "3"),
        deb(folder, "moor-test-unasked", "1"),
        deb(folder, "ca-certificates", "9"),
    ]
    return repository(folder, made)


def site_with(folder: Path, sources: Path, **packages: str) -> Path:
    settings = {"release": "trixie", "architecture": "amd64", "sources": str(sources), **packages}
    return carrying_site(folder, {"file": "fleet", "packages": settings}, docker={"packages": list(WANTED)})


def names(site: Path) -> set[str]:
    manifest = parse_manifest(read_manifest(site / "fleet")[0].decode(), "")
    return {part.path for part in manifest.of_kind("packages")}


def test_a_package_comes_with_what_it_depends_on_but_not_with_what_hosts_have(tmp_path: Path, sources: Path) -> None:
    status = tmp_path / "status"
    status.write_text(
        "Package: moor-test-base\nStatus: install ok installed\nVersion: 3\nArchitecture: all\n"
        "Maintainer: Test <test@moor.test>\nDescription: test\n"
    )
    site = site_with(tmp_path / "site", sources, installed=str(status))
    done = moor_here(site, "bundle", "create", "--without", "moor")
    assert done.returncode == 2, done.said
    assert names(site) == {
        f"packages/trixie-amd64/{name}"
        for name in (
            "Packages",
            "ca-certificates_9_all.deb",
            "moor-test-a_1%3a2.0-1_all.deb",
            "moor-test-b_1.5+b1_all.deb",
        )
    }
    status.unlink()
    gone = moor_here(site, "bundle", "create", "--without", "moor")
    assert (gone.returncode, "data.bundle.packages.installed: no such file" in gone.stderr) == (1, True)


def test_the_hosts_own_apt_finds_in_the_index_what_it_lacks(
    tmp_path: Path, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop = Workshop(tmp_path / "work")
    workshop.open()
    need = PackageNeed(PackageSources(release="trixie", sources=sources), (WANTED,))
    parts = debs.collect_debs("trixie-amd64", need, workshop)
    place = tmp_path / "host"
    (place / "packages").mkdir(parents=True)
    for part in parts:
        name = part.path.rpartition("/")[2].replace("%3a", "_")
        (place / "packages" / name).write_bytes((workshop.folder / part.path).read_bytes())
    script = f"{on_host.APT}{on_host.NEEDED}".replace(on_host.PLACE, str(place)).replace("NAMES", " ".join(WANTED))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("'")]
    assert {unquote(line.rpartition("/")[2]) for line in lines} == {
        "moor-test-a_1_2.0-1_all.deb",
        "moor-test-b_1.5+b1_all.deb",
        "moor-test-base_3_all.deb",
    }


def test_what_apt_says_of_a_package_that_is_not_there_is_the_error(tmp_path: Path, sources: Path) -> None:
    site = carrying_site(
        tmp_path / "site",
        {"file": "fleet", "packages": {"release": "trixie", "sources": str(sources)}},
        docker={"packages": ["moor-test-none"]},
    )
    done = moor_here(site, "bundle", "create", "--without", "moor")
    assert done.returncode == 1
    assert "Unable to locate package moor-test-none" in done.stderr
    assert not (site / "fleet" / "bundle.json").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("deb http://mirror.test/debian bookworm main\n", "deb http://mirror.test/debian trixie main\n"),
        (
            "deb http://mirror.test/debian-security bookworm-security main\n",
            "deb http://mirror.test/debian-security trixie-security main\n",
        ),
        (
            "Suites: bookworm bookworm-updates\nSigned-By: /usr/share/keyrings/debian-archive-bookworm-stable.gpg\n",
            "Suites: trixie trixie-updates\nSigned-By: /usr/share/keyrings/debian-archive-bookworm-stable.gpg\n",
        ),
    ],
)
def test_this_machines_sources_are_taken_for_the_hosts_release(before: str, after: str) -> None:
    assert debs._for_release(before, "bookworm", "trixie") == after
