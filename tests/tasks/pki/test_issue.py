"""The CA and the registry's certificate that moor issues, and the user's own certificate."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate
from nornir.core.inventory import Host
from pydantic import ValidationError

from moor.context import change_context
from moor.errors import MoorError, UnfitInput
from moor.pki.authority import CertificateNames, CertificateWithKey, issue, make_authority, names_of, utc_now
from moor.pki.keystore import StoredPair
from moor.pki.pem import plain_key
from moor.resources.base import Later
from moor.run.execution import run_runbook
from moor.run.report import Collector, HostReport, RunReport
from moor.run.runbook import Runbook, Stage
from moor.secrets.secret import Secret
from moor.settings import SiteSettings
from moor.tasks.expiry.certificates import certificate_findings
from moor.tasks.facts import Registry
from moor.tasks.pki.issue import (
    ca_pem,
    issue_certificates,
    issued_certificate,
    registry_certificate,
    registry_key,
    trust_of,
)
from moor.tasks.pki.own_certificate import strictness_findings
from moor.tasks.pki.settings import Pki
from tests.harness.hosts import MakeFleet
from tests.pki.handshakes import Files, refusal
from tests.pki.made import CLIENT, LEAF, brought

NAMES = CertificateNames(("registry.moor.test", "registry"), (ip_address("10.77.0.11"),))
Play = Callable[..., tuple[HostReport, Host]]


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_text("correct-horse\n")
    path.chmod(0o600)
    return f"file:{path}"


@pytest.fixture
def play(fleet: MakeFleet, tmp_path: Path, passphrase: str) -> Play:
    """Return a function that plans or applies the task on one host and gives its report, and the host."""

    def played(
        dry_run: bool = False,
        aliases: tuple[str, ...] = (),
        address6: str | None = None,
        standby: str | None = None,
        **settings: object,
    ) -> tuple[HostReport, Host]:
        nr = fleet(dry_run=dry_run).filter(name="alpha")
        host = nr.inventory.hosts["alpha"]
        host.data["registry"] = Registry.model_validate(
            {"name": "registry.moor.test", "address": "10.77.0.11", "address6": address6, "aliases": aliases}
            | ({"standby": {"host": "beta", "address": standby}} if standby else {})
        )
        host.data["pki"] = Pki.model_validate(settings or {"passphrase": passphrase})
        change_context(nr, site=SiteSettings.at(tmp_path, state=tmp_path / ".moor"))
        report = RunReport("run", "pki", {"alpha": HostReport()})
        run_runbook(nr.with_processors([Collector(report)]), Runbook("pki", "", (Stage(issue_certificates),)))
        return report.hosts["alpha"], host

    return played


def diffs(report: HostReport) -> dict[str, str]:
    return {found.id: found.diff for found in report.resources}


def addresses(chain: str | Later) -> list[str]:
    return [str(one) for one in names_of(load_pem_x509_certificate(str(chain).encode())).addresses]


def test_an_ipv6_address_is_in_the_certificate_from_the_beginning(play: Play) -> None:
    report, host = play(address6="fd00::11")
    assert report.error == ""
    assert addresses(registry_certificate(host)) == ["10.77.0.11", "fd00::11"]
    assert [found.status for found in play(dry_run=True, address6="fd00::11")[0].resources] == ["ok", "ok"]


def test_an_ipv6_address_that_is_added_later_waits_for_the_next_ca(play: Play) -> None:
    play()
    report, host = play(address6="fd00::11")
    assert [found.status for found in report.resources] == ["ok", "ok"]
    assert addresses(registry_certificate(host)) == ["10.77.0.11"]
    assert [str(one) for one in issued_certificate(host).authority.next_names.addresses] == ["10.77.0.11", "fd00::11"]


def test_the_certificate_is_for_the_standby_too(play: Play) -> None:
    _, host = play(standby="10.77.0.12")
    chain = str(registry_certificate(host))
    assert addresses(chain) == ["10.77.0.11", "10.77.0.12"]
    host.data["registry"] = host.data["registry"].served_by_standby("alpha")
    assert str(registry_certificate(host)) == chain  # a failover changes nothing of it


def test_a_standby_that_is_added_later_waits_for_the_next_ca_also_after_a_failover(play: Play) -> None:
    play()
    report, host = play(standby="10.77.0.12")
    assert [found.status for found in report.resources] == ["ok", "ok"]
    assert addresses(registry_certificate(host)) == ["10.77.0.11"]
    host.data["registry"] = host.data["registry"].served_by_standby("alpha")
    assert addresses(registry_certificate(host)) == ["10.77.0.11"]
    assert [str(a) for a in issued_certificate(host).authority.next_names.addresses] == ["10.77.0.11", "10.77.0.12"]


def test_a_plan_on_a_bare_site_shows_both_and_writes_nothing(play: Play, tmp_path: Path) -> None:
    report, host = play(dry_run=True)
    assert [(found.id, found.status) for found in report.resources] == [
        ("certificate-authority:registry.moor.test", "drift"),
        ("certificate:registry.moor.test", "drift"),
    ]
    assert not (tmp_path / ".moor").exists()
    assert isinstance(ca_pem(host), Later)
    assert isinstance(registry_certificate(host), Later)
    assert registry_key(host) == Later("the registry's private key", secret=True)


def test_an_apply_makes_both_and_a_second_plan_is_empty(play: Play, tmp_path: Path) -> None:
    assert [found.status for found in play()[0].resources] == ["changed", "changed"]
    before = {path: path.read_bytes() for path in (tmp_path / ".moor" / "pki").iterdir()}
    report, host = play()
    assert [found.status for found in report.resources] == ["ok", "ok"]
    assert {path: path.read_bytes() for path in (tmp_path / ".moor" / "pki").iterdir()} == before
    files = Files(
        tmp_path / "server.crt", tmp_path / "server.key", issued_certificate(host).authority.kept.certificate_file
    )
    files.certificate.write_text(str(registry_certificate(host)))
    key = registry_key(host)
    assert isinstance(key, Secret)
    files.key.write_text(key.reveal())
    assert [refusal(files, name) for name in ("registry.moor.test", "registry", "10.77.0.11")] == ["", "", ""]
    assert refusal(files, "example.com")


def test_a_new_alias_renews_both_and_the_plan_says_so(play: Play) -> None:
    play()
    planned, host = play(dry_run=True, aliases=("hub.moor.test",))
    assert "it may not vouch for hub.moor.test" in diffs(planned)["certificate-authority:registry.moor.test"]
    assert "its CA is made anew" in diffs(planned)["certificate:registry.moor.test"]
    assert isinstance(ca_pem(host), Later)
    assert [found.status for found in play(aliases=("hub.moor.test",))[0].resources] == ["changed", "changed"]
    assert [found.status for found in play(aliases=("hub.moor.test",))[0].resources] == ["ok", "ok"]


def test_a_certificate_near_its_end_is_renewed_and_its_ca_stays(play: Play, tmp_path: Path, passphrase: str) -> None:
    play()
    kept = StoredPair(tmp_path / ".moor" / "pki", "ca")
    authority = kept.pair(Secret("correct-horse"))
    assert authority is not None
    old = issue(authority, NAMES, 10, utc_now())
    StoredPair(tmp_path / ".moor" / "pki", "registry").save(old, Secret("correct-horse"))
    report, _ = play()
    assert [found.status for found in report.resources] == ["ok", "changed"]
    assert "within 30 days" in diffs(report)["certificate:registry.moor.test"]
    assert kept.certificate() == authority.certificate


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "ca.crt").unlink(), "ca.crt is not the certificate of ca.key"),
        (lambda folder: (folder / "registry.key").chmod(0o640), "others may read registry.key"),
        (lambda folder: folder.chmod(0o755), "others may read pki (mode 0755)"),
    ],
)
def test_a_wrong_mode_or_missing_file_is_mended_without_a_new_key(
    play: Play, tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    _, host = play()
    before = ca_pem(host)
    spoil(tmp_path / ".moor" / "pki")
    planned, _ = play(dry_run=True)
    assert said in "".join(diffs(planned).values())
    assert not play()[0].error
    report, host = play()
    assert [found.status for found in report.resources] == ["ok", "ok"]
    assert ca_pem(host) == before


def test_a_wrong_passphrase_is_one_clear_error(play: Play, tmp_path: Path) -> None:
    play()
    (tmp_path / "passphrase").write_text("wrong-horse")
    report, _ = play()
    assert report.error == (
        f"{tmp_path}/.moor/pki/ca.key: data.pki.passphrase does not open this key; give the one it was made with"
    )


def test_a_damaged_key_is_one_clear_error_and_is_not_replaced(play: Play, tmp_path: Path) -> None:
    play()
    key = tmp_path / ".moor" / "pki" / "ca.key"
    os.truncate(key, 90)
    report, _ = play()
    assert report.error == f"{key}: not a whole private key in PEM form; put back a good copy"
    assert key.stat().st_size == 90


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., dict[str, object]]:
    """Return a function that writes a certificate of somebody else's making and the settings that name it."""

    def written(names: CertificateNames = NAMES, days: int = 100, **changed: str) -> dict[str, object]:
        began = utc_now() - timedelta(days=50)
        ca = make_authority(names, 3650, began)
        server = issue(ca, names, days, began)
        stranger = make_authority(names, 3650, began)
        key: CertificateWithKey = stranger if "key" in changed else server
        trusted: CertificateWithKey = stranger if "ca" in changed else ca
        for name, content in {
            "own.crt": changed.get("certificate", server.pem),
            "own.key": plain_key(key.key).reveal(),
            "own-ca.crt": trusted.pem,
        }.items():
            (tmp_path / name).write_text(content)
        (tmp_path / "own.key").chmod(0o600)
        return {
            "certificate": tmp_path / "own.crt",
            "key": f"file:{tmp_path}/own.key",
            "ca": tmp_path / "own-ca.crt",
        }

    return written


def test_the_users_own_certificate_is_used_unchanged(
    play: Play, own: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    report, host = play(**own())
    assert [(found.id, found.status) for found in report.resources] == [("certificate:registry.moor.test", "ok")]
    assert ca_pem(host) == (tmp_path / "own-ca.crt").read_text()
    assert registry_certificate(host) == (tmp_path / "own.crt").read_text()
    assert registry_key(host) == Secret((tmp_path / "own.key").read_text())
    assert not (tmp_path / ".moor").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"names": CertificateNames(("hub.moor.test",))},
            "own.crt: CN=hub.moor.test: it is not for registry.moor.test",
        ),
        ({"days": 49}, "own.crt: CN=registry.moor.test: it expired on"),
        ({"key": "another"}, "own.key: not the key of the first certificate, CN=registry.moor.test"),
        ({"ca": "another"}, "own.crt: the CA did not sign CN=registry.moor.test"),
        ({"certificate": "-----BEGIN CERT"}, "own.crt: not a whole certificate in PEM form"),
    ],
)
def test_a_certificate_that_clients_would_refuse_is_not_installed(
    play: Play, own: Callable[..., dict[str, object]], changed: dict[str, object], said: str
) -> None:
    assert said in play(**own(**changed))[0].error


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "passphrase is missing; write a reference, such as file:PATH"),
        ({"certificate": "a.crt", "ca": "ca.crt"}, "your own certificate needs certificate, key, ca; key is missing"),
        ({"passphrase": "correct-horse"}, "this is not a reference to a secret"),
        ({"passphrase": "env:X", "days": 20}, "renew_before_days must be less than days"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said) as error:
        Pki.model_validate(settings)
    assert "correct-horse" not in str(error.value)


def test_a_host_without_the_section_pki_is_one_clear_error(play: Play) -> None:
    _, host = play(dry_run=True)
    del host.data["pki"]
    with pytest.raises(MoorError, match=r"alpha: it has no data\.pki"):
        ca_pem(host)


def test_a_certificate_that_only_strict_clients_refuse_is_a_finding(play: Play, tmp_path: Path) -> None:
    files = brought(replace(LEAF, identified=False, names=("registry.moor.test", "registry")))
    for name, content in {"o.crt": files.chain_pem, "o.key": files.key_pem, "o-ca.crt": files.roots_pem}.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    given = {"certificate": tmp_path / "o.crt", "key": f"file:{tmp_path}/o.key", "ca": tmp_path / "o-ca.crt"}
    report, host = play(**given)
    assert (report.error, [found.status for found in report.resources]) == ("", ["ok"])
    assert [finding.id for finding in strictness_findings(host)] == ["certificate:strict"]
    assert not trust_of(host).verify_flags & ssl.VERIFY_X509_STRICT


def test_cert_show_reports_a_certificate_that_clients_refuse(play: Play, tmp_path: Path) -> None:
    files = brought(replace(LEAF, names=("registry.moor.test", "registry"), purposes=(CLIENT,)))
    for name, content in {"o.crt": files.chain_pem, "o.key": files.key_pem, "o-ca.crt": files.roots_pem}.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    given = {"certificate": tmp_path / "o.crt", "key": f"file:{tmp_path}/o.key", "ca": tmp_path / "o-ca.crt"}
    report, host = play(**given)
    assert "it is not for servers (extendedKeyUsage is clientAuth)" in report.error
    (finding,) = certificate_findings(host)
    assert (finding.id, "it is not for servers" in finding.what) == ("certificate:refused", True)
    with pytest.raises(UnfitInput, match="it is not for servers"):
        registry_key(host)
