"""What a site's tasks take from the bundle in place of the paths of the inventory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from moor.errors import HostError
from moor.resources.archive import Archive
from moor.resources.package import Package
from moor.sites.site import open_site
from moor.tasks.bundle.packages import PackagesOfBundle
from moor.tasks.docker.install import desired as docker_resources
from moor.tasks.harbor.install import desired as harbor_resources
from tests.harness.commands import moor_here
from tests.tasks.bundle.carrying import INSTALLER, carrying_site


@pytest.fixture
def carried(tmp_path: Path) -> Path:
    """Return a site whose bundle has arrived, and whose other files are not there."""
    site = carrying_site(tmp_path / "site", {"file": "fleet.bundle"})
    done = moor_here(site, "bundle", "create", "--without", "packages,moor")
    assert done.returncode == 2, done.said
    for name in (INSTALLER, "a.tar", "b.tar"):
        (site / name).unlink()
    return site


def test_the_installer_comes_from_the_bundle_with_its_hash(carried: Path) -> None:
    host = open_site(carried).inventory.hosts["h1"]
    (uploaded,) = [one for one in harbor_resources(host) if isinstance(one, Archive)]
    assert uploaded.path.endswith(f"/{INSTALLER}")
    assert uploaded.source.is_relative_to(carried / ".moor" / "bundle")
    assert uploaded.source.is_file()
    manifest = json.loads(moor_here(carried, "bundle", "show", "--output", "json").stdout)["bundle"]
    assert uploaded.sha256 in [part["sha256"] for part in manifest["parts"] if part["kind"] == "installer"]


def test_a_bundle_that_is_not_there_is_told_with_its_key_before_any_connection(carried: Path) -> None:
    (carried / "fleet.bundle").unlink()
    done = moor_here(carried, "plan", "docker")
    assert done.returncode == 1
    assert "data.bundle.file: " in done.stderr
    assert "fleet.bundle: no such file or directory; moor bundle create makes one" in done.stderr
    assert "inventory/defaults.yaml:" in done.stderr


def test_packages_are_the_bundles_where_there_is_one_and_the_hosts_own_otherwise(carried: Path) -> None:
    def kinds() -> list[type]:
        host = open_site(carried).inventory.hosts["w1"]
        return [type(one) for one in docker_resources(host) if isinstance(one, Package | PackagesOfBundle)]

    assert kinds() == [PackagesOfBundle]
    carrying_site(carried, {})
    assert kinds() == [Package]


def test_a_file_is_unpacked_once_and_again_only_if_it_changes(carried: Path) -> None:
    def unpacked() -> list[int]:
        open_site(carried)
        program = "from pathlib import Path; import sys; from moor.tasks.bundle.opened import open_bundle; "
        program += "print(open_bundle([Path(sys.argv[1])], '', Path(sys.argv[2])).folder)"
        words = [sys.executable, "-c", program, str(carried / "fleet.bundle"), str(carried / "store")]
        folder = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
        return [path.stat().st_ino for path in sorted(Path(folder).rglob("*")) if path.is_file()]

    first = unpacked()
    assert unpacked() == first
    content = (carried / "fleet.bundle").read_bytes()
    (carried / "fleet.bundle").write_bytes(content)
    assert set(unpacked()).isdisjoint(first)


def test_a_host_of_a_release_that_the_bundle_has_not_is_told_what_to_write(carried: Path) -> None:
    host = open_site(carried).inventory.hosts["w1"]
    (packages,) = [one for one in docker_resources(host) if isinstance(one, PackagesOfBundle)]
    with pytest.raises(HostError, match=r"needs packages for bookworm-amd64, and the bundle has those of: none; write"):
        packages._parts_of("bookworm-amd64")
