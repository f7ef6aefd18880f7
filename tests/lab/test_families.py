"""Systems of every family: the CA in their own place by their own tool, packages by their own manager."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificates

from moor.pki.authority import CertificateNames, make_authority
from moor.resources.package import NO_MANAGER, Package
from moor.tasks.trust import TrustedCa
from tests.lab.families import FAMILIES, Root, make_root

pytestmark = pytest.mark.lab

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW, OTHER = (
    make_authority(CertificateNames((name,)), 3650, NOW).pem for name in ("old.test", "new.test", "other.test")
)


def trusted(pem: str) -> TrustedCa:
    return TrustedCa("moor-registry-ca", pem)


def trusts(root: Root) -> set[str]:
    found = load_pem_x509_certificates(root.path(root.family.bundle).read_bytes())
    names = {pem: load_pem_x509_certificates(pem.encode())[0] for pem in (OLD, NEW, OTHER)}
    return {pem for pem, certificate in names.items() if certificate in found}


@pytest.mark.parametrize("name", FAMILIES)
def test_each_family_trusts_the_ca_by_its_own_tool_and_in_its_own_place(name: str, tmp_path: Path) -> None:
    root = make_root(tmp_path, FAMILIES[name])
    root.path(f"{root.family.anchors}/other{root.family.suffix}").write_text(OTHER)
    root.command("selinuxenabled", "")
    root.command("restorecon", 'echo "$1" >> /restored')
    anchor = f"{root.family.anchors}/moor-registry-ca{root.family.suffix}"

    assert root.planned(trusted(OLD)) != []
    assert root.mend(trusted(OLD)) == ""
    assert root.path(anchor).read_text() == OLD
    assert trusts(root) == {OLD, OTHER}
    assert root.planned(trusted(OLD)) == []
    assert root.path("/restored").read_text() == f"{anchor}\n"

    assert root.mend(trusted(OLD + NEW), "2") == ""
    assert trusts(root) == {OLD, NEW, OTHER}
    assert root.mend(trusted(NEW), "3") == ""
    assert trusts(root) == {NEW, OTHER}
    assert root.planned(trusted(NEW)) == []

    root.path(root.family.bundle).write_text("")
    assert root.planned(trusted(NEW)) == ["bundle: lacks it -> holds it"]
    assert root.mend(trusted(NEW), "4") == ""
    assert trusts(root) == {NEW, OTHER}


LISTS = 'for p; do [ "$p" = -- ] || ! grep -sqx -e "$p" /installed || echo "$p"; done'
INSTALLS = 'for p; do case $p in -*|install|add) ;; *) echo "$p" >> /installed ;; esac; done'
# Of a package that is not installed rpm says so on standard output, pacman on standard error.
RPM = (
    'while [ "$1" != -- ]; do shift; done; shift; for p; do grep -sqx -e "$p" /installed && echo "$p" || '
    'echo "package $p is not installed"; done'
)
MANAGERS = {
    "rhel": {"rpm": RPM, "dnf": INSTALLS},
    "suse": {"rpm": RPM, "zypper": INSTALLS, "dnf": "echo 'no repositories' >&2; exit 1"},
    "alpine": {"apk": f'if [ "$1" = info ]; then {LISTS}; else {INSTALLS}; fi'},
    "arch": {"pacman": f'if [ "$1" = -Qq ]; then {LISTS}; else {INSTALLS}; fi'},
}


@pytest.mark.parametrize("name", MANAGERS)
def test_packages_come_by_the_familys_own_manager_though_debians_tools_are_there(name: str, tmp_path: Path) -> None:
    root = make_root(tmp_path, FAMILIES[name])
    for command, script in MANAGERS[name].items():
        root.command(command, script)
    root.path("/installed").write_text("podman\n")
    assert root.planned(Package(("podman", "conmon"))) == ["conmon: absent -> installed"]
    assert root.mend(Package(("podman", "conmon"))) == ""
    assert root.planned(Package(("podman", "conmon"))) == []


def test_a_system_without_packages_has_what_it_needs_or_is_told(tmp_path: Path) -> None:
    root = make_root(tmp_path, FAMILIES["flatcar"])
    assert root.planned(Package(("ca-certificates",), brings=("update-ca-trust", "update-ca-certificates"))) == []
    assert root.planned(Package(("podman",), brings=("podman-of-nowhere",))) == ["podman: absent -> installed"]
    assert NO_MANAGER in root.mend(Package(("podman",)))
