"""Rotation of the CA: at every moment, all hosts trust the certificate that the registry serves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nornir.core import Nornir
from nornir.core.filter import F

from moor.context import change_context
from moor.errors import InputError
from moor.pki.authority import CertificateNames, fingerprint, is_signed_by, issue, make_authority, utc_now
from moor.pki.keystore import CaFiles, StoredPair
from moor.resources.base import Later
from moor.run.execution import run_runbook
from moor.run.report import Collector, HostReport, RunReport
from moor.run.runbook import Runbook, Stage, TaskFunction
from moor.secrets import private_files
from moor.secrets.secret import Secret
from moor.settings import SiteSettings
from moor.tasks.facts import Registry
from moor.tasks.pki.issue import ca_pem, issue_certificates, issued_certificate
from moor.tasks.pki.rotation import find_replaced, make_next_ca, promote_ca, retire_ca
from moor.tasks.pki.settings import Pki
from tests.harness.hosts import MakeFleet

NAMES = CertificateNames(("registry.moor.test",), (ip_address("10.77.0.11"),))
PASSPHRASE = Secret("correct-horse")
# where nobody listens
REGISTRY = Registry.model_construct(name="registry.moor.test", address=ip_address("127.0.0.9"), port=443, aliases=())
OLD, NEW = (make_authority(NAMES, 100, utc_now()) for _ in range(2))


class Killed(BaseException):
    """The controller dies here."""


@contextmanager
def dying_at(number: int) -> Iterator[None]:
    """Have the ``number``-th change of a file never happen, nor anything after it."""
    left = [number]

    def guarded(really: Callable[..., object]) -> Callable[..., object]:
        def changing(*args: object, **kwargs: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return really(*args, **kwargs)

        return changing

    with (
        patch.object(private_files, "write", guarded(private_files.write)),
        patch.object(os, "replace", guarded(os.replace)),
        patch.object(Path, "unlink", guarded(Path.unlink)),
        suppress(Killed),
    ):
        yield


@given(st.integers(0, 6), st.integers(0, 6))
def test_a_rotation_killed_at_any_write_continues_and_hosts_trust_the_signing_ca(
    tmp_path_factory: pytest.TempPathFactory, first: int, second: int
) -> None:
    succession = CaFiles(tmp_path_factory.mktemp("pki") / "pki")
    succession.present.save(OLD, PASSPHRASE)
    succession.next.save(NEW, PASSPHRASE)
    for number in (first, second, 99):
        with dying_at(number):
            succession.promote()
        signs = succession.present.certificate()
        assert signs in succession.trusted()
        assert OLD.certificate in succession.trusted()
        assert NEW.certificate in succession.trusted()
    pair = succession.present.pair(PASSPHRASE)
    assert pair is not None
    assert pair.certificate == NEW.certificate
    assert succession.next.certificate() is None
    assert succession.trusted() == [NEW.certificate, OLD.certificate]
    succession.retire()
    assert succession.trusted() == [NEW.certificate]


@dataclass
class Rotating:
    """Three hosts whose alpha is the registry's, and the site's keys."""

    make: MakeFleet
    folder: Path

    @property
    def succession(self) -> CaFiles:
        return CaFiles(self.folder / ".moor/pki")

    def prepared(self, dry_run: bool = False, authority: bool | None = None) -> Nornir:
        nr = self.make(dry_run=dry_run)
        reference = self.folder / "passphrase"
        reference.write_text("correct-horse\n")
        reference.chmod(0o600)
        for host in nr.inventory.hosts.values():
            host.data["registry"] = REGISTRY
            host.data["pki"] = Pki.model_validate({"passphrase": f"file:{reference}"})
        site = SiteSettings.at(self.folder, state=self.folder / ".moor")
        change_context(nr, site=site, fleet=nr.inventory)
        if authority is not None:
            change_context(nr, replaced=find_replaced(nr.inventory.hosts["alpha"], authority))
        return nr

    def play(self, nr: Nornir, *tasks: TaskFunction) -> HostReport:
        report = RunReport("run", "rotation", {name: HostReport() for name in nr.inventory.hosts})
        stages = tuple(Stage(task, on=F(name="alpha")) for task in tasks)
        run_runbook(nr.with_processors([Collector(report)]), Runbook("rotation", "", stages))
        return report.hosts["alpha"]


@pytest.fixture
def rotating(fleet: MakeFleet, tmp_path: Path) -> Rotating:
    """Return a fleet that has its CA and its certificate."""
    made = Rotating(fleet, tmp_path)
    assert made.play(made.prepared(), issue_certificates).error == ""
    return made


def leaf(rotating: Rotating) -> StoredPair:
    return StoredPair(rotating.folder / ".moor/pki", "registry")


def test_an_apply_rotates_nothing(rotating: Rotating) -> None:
    before = rotating.succession.present.certificate()
    report = rotating.play(rotating.prepared(), make_next_ca, promote_ca)
    assert [found.status for found in report.resources] == ["ok", "ok"]
    assert rotating.succession.trusted() == [before]


def test_a_plan_of_a_rotation_shows_every_step_and_changes_nothing(rotating: Rotating) -> None:
    nr = rotating.prepared(dry_run=True, authority=True)
    assert isinstance(ca_pem(nr.inventory.hosts["alpha"]), Later)
    report = rotating.play(nr, make_next_ca, promote_ca, issue_certificates)
    assert [(found.id, found.status) for found in report.resources] == [
        ("next-authority:registry.moor.test", "drift"),
        ("authority-in-turn:registry.moor.test", "drift"),
        ("certificate-authority:registry.moor.test", "ok"),
        ("certificate:registry.moor.test", "drift"),
    ]
    assert not rotating.succession.next.key_file.exists()


def test_the_next_ca_signs_once_all_hosts_trust_it_and_both_are_trusted_meanwhile(rotating: Rotating) -> None:
    old = rotating.succession.present.certificate()
    assert rotating.play(rotating.prepared(authority=True), make_next_ca).error == ""
    following = rotating.succession.next.certificate()
    host = rotating.prepared().inventory.hosts["beta"]
    assert str(ca_pem(host)).count("BEGIN CERTIFICATE") == 2
    assert rotating.play(rotating.prepared(authority=True), make_next_ca, promote_ca, issue_certificates).error == ""
    assert rotating.succession.trusted() == [following, old]
    own = leaf(rotating).certificate()
    assert own
    assert following
    assert is_signed_by(own, following)


def test_a_host_that_failed_or_was_left_out_keeps_the_present_ca(rotating: Rotating) -> None:
    old = rotating.succession.present.certificate()
    nr = rotating.prepared(authority=True)
    assert rotating.play(nr, make_next_ca).error == ""
    failing = rotating.prepared(authority=True)
    failing.data.failed_hosts.add("gamma")
    assert rotating.play(failing, promote_ca).error.startswith("authority-in-turn:registry.moor.test: gamma: not known")
    limited = rotating.prepared(authority=True)
    said = rotating.play(limited.filter(filter_func=lambda host: host.name != "beta"), promote_ca).error
    assert "beta: not known to trust the next CA" in said
    assert rotating.succession.present.certificate() == old


def test_the_former_ca_stays_until_the_registry_serves_a_certificate_of_the_present_one(rotating: Rotating) -> None:
    rotating.play(rotating.prepared(authority=True), make_next_ca, promote_ca)
    report = rotating.play(rotating.prepared(), retire_ca)
    assert "it stays trusted, since the registry shows no certificate of the present CA" in report.error
    assert len(rotating.succession.trusted()) == 2


def test_a_rotation_in_progress_replaces_only_what_is_left(rotating: Rotating) -> None:
    def wanted(authority: bool) -> set[str]:
        return set(find_replaced(rotating.prepared().inventory.hosts["alpha"], authority))

    ca, own = rotating.succession.present.certificate(), leaf(rotating).certificate()
    assert ca
    assert own
    assert (wanted(False), wanted(True)) == ({fingerprint(own)}, {fingerprint(ca), fingerprint(own)})
    rotating.play(rotating.prepared(authority=True), make_next_ca)
    assert (wanted(False), wanted(True)) == ({fingerprint(own)}, {fingerprint(own)})
    rotating.play(rotating.prepared(), promote_ca)
    assert (wanted(False), wanted(True)) == (set(), set())


def test_an_apply_does_not_replace_a_ca_near_its_end(rotating: Rotating) -> None:
    nr = rotating.prepared()
    names = issued_certificate(nr.inventory.hosts["alpha"]).authority.names
    soon = make_authority(names, 10, utc_now())
    rotating.succession.present.save(soon, PASSPHRASE)
    leaf(rotating).save(issue(soon, names, 397, utc_now()), PASSPHRASE)
    report = rotating.play(nr, issue_certificates)
    assert [found.status for found in report.resources] == ["ok", "ok"]


def test_cert_renew_refuses_a_site_without_certificates_or_with_its_own(fleet: MakeFleet, tmp_path: Path) -> None:
    bare = Rotating(fleet, tmp_path)
    with pytest.raises(InputError, match="there is no certificate yet; moor apply makes it"):
        bare.prepared(authority=True)
    nr = bare.prepared()
    host = nr.inventory.hosts["alpha"]
    host.data["pki"] = Pki.model_validate(
        {"certificate": tmp_path / "a.crt", "key": f"file:{tmp_path}/a.key", "ca": tmp_path / "ca.crt"}
    )
    with pytest.raises(InputError, match="a certificate of your own, which moor cannot renew"):
        find_replaced(host, authority=True)
