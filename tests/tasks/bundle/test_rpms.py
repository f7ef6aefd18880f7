"""RPM packages are resolved, verified and fetched by dnf, and installed by a host's dnf from the bundle alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from moor.tasks.bundle import packages as on_host
from moor.tasks.bundle.manifest import parse_manifest
from moor.tasks.bundle.opened import read_manifest
from tests.harness.commands import moor_here
from tests.tasks.bundle.carrying import carrying_site

SPEC = """\
Name: {name}
Version: {version}
Release: 1
Summary: Of a test
License: MIT
BuildArch: noarch
{needs}
%description
Of a test.
%install
mkdir -p %{{buildroot}}/opt
echo {version} > %{{buildroot}}/opt/{name}
%files
/opt/{name}
"""
RELEASE = "packages/rocky9-x86_64"


def run(words: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        words, env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "GNUPGHOME": str(folder / "keys")}, check=False,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def rpm(folder: Path, name: str, needs: str = "", version: str = "1.0") -> None:
    """Build a package into the upstream's directory."""
    spec = folder / f"{name}.spec"
    spec.write_text(SPEC.format(name=name, version=version, needs=f"Requires: {needs}" if needs else ""))
    run(["rpmbuild", "--quiet", "-bb", "--define", f"_topdir {folder / 'build'}", str(spec)], folder)
    (built,) = (folder / "build/RPMS/noarch").glob(f"{name}-*.rpm")
    built.rename(folder / "upstream" / built.name)


def sign(folder: Path, *names: str) -> None:
    """Sign packages with the upstream's key."""
    key = ["--define", "_gpg_name Upstream", "--define", "__gpg /usr/bin/gpg"]
    signed = [str(next((folder / "upstream").glob(f"{name}-*.rpm"))) for name in names]
    run(["rpmsign", *key, "--addsign", *signed], folder)
    run(["createrepo_c", "--quiet", str(folder / "upstream")], folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a directory with signed packages of which one needs another, and a host's file of sources."""
    folder = tmp_path_factory.mktemp("rpm")
    for name in ("keys", "upstream"):
        (folder / name).mkdir(mode=0o700)
    run(["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "Upstream", "rsa2048", "sign"], folder)
    run(["gpg", "--quiet", "--armor", "--output", str(folder / "key.asc"), "--export", "Upstream"], folder)
    for name, needs in {"moor-test-a": "moor-test-b", "moor-test-b": "", "ca-certificates": ""}.items():
        rpm(folder, name, needs)
    sign(folder, "moor-test-a", "moor-test-b", "ca-certificates")
    for name in ("moor-test-unasked", "moor-test-unsigned"):
        rpm(folder, name)
    run(["createrepo_c", "--quiet", str(folder / "upstream")], folder)
    key = f"gpgkey=file://{folder}/key.asc"
    (folder / "upstream.repo").write_text(
        f"[upstream]\nname=upstream\nbaseurl=file://{folder}/upstream\nenabled=1\n{key}\n"
    )
    yield folder
    run(["gpgconf", "--kill", "all"], folder)


def site_of(tmp_path: Path, folder: Path, *wanted: str) -> Path:
    packages = {"release": "rocky9", "architecture": "x86_64", "sources": str(folder / "upstream.repo")}
    return carrying_site(tmp_path, {"file": "fleet", "packages": packages}, docker={"packages": list(wanted)})


def test_a_package_comes_signed_with_what_it_needs_and_a_host_installs_it_from_there(
    tmp_path: Path, folder: Path
) -> None:
    site = site_of(tmp_path / "site", folder, "moor-test-a")
    done = moor_here(site, "bundle", "create", "--without", "moor")
    assert done.returncode == 2, done.said
    manifest = parse_manifest(read_manifest(site / "fleet")[0].decode(), "")
    paths = {part.path for part in manifest.of_kind("packages")}
    assert {path for path in paths if path.endswith(".rpm")} == {
        f"{RELEASE}/{name}-1.0-1.noarch.rpm" for name in ("ca-certificates", "moor-test-a", "moor-test-b")
    }
    host = tmp_path / "host"
    host.mkdir()
    (host / "packages").symlink_to(site / "fleet" / RELEASE)
    (host / "dnf.conf").write_text("[main]\ngpgcheck=1\n")  # as on every host of the family, without the keys
    dnf = on_host.DNF.replace(on_host.PLACE, str(host))
    run(
        [
            "sh",
            "-ec",
            f"{dnf} --config={host}/dnf.conf --installroot={host}/root --releasever=9 install -- moor-test-a",
        ],
        host,
    )
    assert (host / "root/opt/moor-test-b").read_text() == "1.0\n"


def test_a_package_that_nobody_signed_gets_into_no_bundle(tmp_path: Path, folder: Path) -> None:
    site = site_of(tmp_path, folder, "moor-test-unsigned")
    done = moor_here(site, "bundle", "create", "--without", "moor")
    assert done.returncode == 1
    assert "moor-test-unsigned-1.0-1.noarch.rpm is not signed" in done.stderr
    assert not list((site / "fleet").glob("manifest*"))
