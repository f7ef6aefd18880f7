"""The CA's certificates are accepted for the registry's names and refused for every other."""

from __future__ import annotations

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from moor.errors import InputError
from moor.pki.authority import (
    CertificateNames,
    CertificateWithKey,
    is_signed_by,
    issue,
    make_authority,
    names_of,
    permitted_names,
    reason_to_issue,
    reason_to_issue_authority,
    utc_now,
)
from moor.pki.pem import encrypt_key, is_key_of, read_chain, read_key
from moor.secrets.secret import Secret
from tests.harness.servers import free_port
from tests.harness.waiting import until
from tests.pki.handshakes import Files, openssl_refusal, refusal, written

NAMES = CertificateNames(("registry.moor.test", "registry", "mirror.moor.test"), (ip_address("10.77.0.11"),))
NOW = datetime(2030, 1, 1, tzinfo=UTC)
STRANGE = [
    "example.com",
    "moor.test",
    "node1.moor.test",
    "otherregistry.moor.test",
    "registry.moor.test.example.com",
    "localhost",
]


@pytest.fixture(scope="module")
def authority() -> CertificateWithKey:
    return make_authority(NAMES, 3650, utc_now())


@pytest.fixture
def files(tmp_path: Path, authority: CertificateWithKey) -> Files:
    return written(tmp_path, authority.certificate, issue(authority, NAMES, 397, utc_now()))


@pytest.mark.parametrize("name", [*NAMES.dns, "10.77.0.11"])
def test_a_client_accepts_the_registry_by_each_of_its_names(files: Files, name: str) -> None:
    assert refusal(files, name) == ""
    option = "-verify_ip" if name[0].isdigit() else "-verify_hostname"
    assert openssl_refusal(files, option, name) == ""


@pytest.mark.parametrize("name", [*STRANGE, "10.77.0.12", "::1"])
def test_a_client_refuses_the_registry_by_another_name(files: Files, name: str) -> None:
    assert "mismatch" in refusal(files, name)


@pytest.mark.parametrize("name", STRANGE)
def test_a_certificate_of_this_ca_for_another_name_is_worthless(
    tmp_path: Path, authority: CertificateWithKey, name: str
) -> None:
    stranger = issue(authority, CertificateNames((name,)), 30, utc_now())
    files = written(tmp_path, authority.certificate, stranger)
    assert "permitted subtree violation" in refusal(files, name)
    assert "permitted subtree violation" in openssl_refusal(files, "-verify_hostname", name)


@pytest.mark.parametrize("address", ["10.77.0.12", "127.0.0.1", "::1", "fd00::11"])
def test_a_certificate_of_this_ca_for_another_address_is_worthless(
    tmp_path: Path, authority: CertificateWithKey, address: str
) -> None:
    stranger = issue(authority, CertificateNames(("registry.moor.test",), (ip_address(address),)), 30, utc_now())
    files = written(tmp_path, authority.certificate, stranger)
    assert "permitted subtree violation" in refusal(files, address)
    assert "permitted subtree violation" in openssl_refusal(files, "-verify_ip", address)


def test_a_ca_without_addresses_permits_none(tmp_path: Path) -> None:
    ca = make_authority(CertificateNames(("registry.moor.test",)), 30, utc_now())
    stranger = issue(ca, CertificateNames(("registry.moor.test",), (ip_address("127.0.0.1"),)), 30, utc_now())
    assert "subtree violation" in refusal(written(tmp_path, ca.certificate, stranger), "127.0.0.1")


def test_a_ca_below_this_ca_is_worthless(tmp_path: Path, authority: CertificateWithKey) -> None:
    below = make_authority(NAMES, 30, utc_now())
    identifier = below.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    usage = below.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    own = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    crossed = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "below")]))
        .issuer_name(authority.certificate.subject)
        .public_key(below.key.public_key())
        .serial_number(1)
        .not_valid_before(utc_now())
        .not_valid_after(utc_now() + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
    )
    intermediate = crossed.sign(authority.key, SHA256())
    leaf = issue(CertificateWithKey(intermediate, below.key), NAMES, 20, utc_now())
    files = written(tmp_path, authority.certificate, leaf)
    files.certificate.write_text(leaf.pem + CertificateWithKey(intermediate, below.key).pem)
    assert "path length" in refusal(files, "registry.moor.test")


def test_openssls_own_server_and_client_agree(files: Files) -> None:
    port = free_port()
    served = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(files.certificate)]
    with subprocess.Popen([*served, "-key", str(files.key), "-quiet"], stdout=-3, stderr=-3, stdin=-1) as server:
        try:
            assert _asked(port, files, "registry.moor.test") == "0"
            assert _asked(port, files, "example.com") == "62"  # X509_V_ERR_HOSTNAME_MISMATCH
        finally:
            server.kill()


def _asked(port: int, files: Files, name: str) -> str:
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(files.ca)]
    asked = [*argv, "-verify_hostname", name, "-servername", name]

    def code() -> bytes:
        done = subprocess.run(asked, input=b"", capture_output=True, check=False)
        return done.stdout.rpartition(b"Verify return code: ")[2]

    return until(code, "the server answers").split()[0].decode()


def test_the_ca_says_what_it_may_do_bit_by_bit(authority: CertificateWithKey) -> None:
    held = authority.certificate.extensions
    basic = held.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    usage = held.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert usage.value.crl_sign
    assert not usage.value.digital_signature
    assert held.get_extension_for_class(x509.NameConstraints).critical
    assert permitted_names(authority.certificate) == NAMES
    assert isinstance(authority.key.curve, ec.SECP256R1)


def test_the_server_certificate_is_for_servers_and_names_its_ca_apart(authority: CertificateWithKey) -> None:
    leaf = issue(authority, NAMES, 397, utc_now()).certificate
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert leaf.subject != leaf.issuer == authority.certificate.subject
    assert names_of(leaf) == NAMES
    assert is_signed_by(leaf, authority.certificate)
    assert not is_signed_by(leaf, make_authority(NAMES, 30, utc_now()).certificate)


def test_a_certificate_does_not_outlive_its_ca() -> None:
    ca = make_authority(NAMES, 100, NOW)
    assert issue(ca, NAMES, 397, NOW).certificate.not_valid_after_utc <= ca.certificate.not_valid_after_utc


label = st.from_regex(r"[a-z]([a-z0-9-]{0,14}[a-z0-9])?", fullmatch=True)
full_names = st.lists(label, min_size=2, max_size=4).map(".".join)
addresses = st.ip_addresses()


@settings(max_examples=40, deadline=None)
@given(st.lists(full_names, min_size=1, max_size=3, unique=True), st.lists(addresses, max_size=2, unique=True))
def test_any_names_are_served_and_need_nothing_more(dns: list[str], found: list[object]) -> None:
    names = CertificateNames(tuple(dns), tuple(ip_address(str(address)) for address in found))
    ca = make_authority(names, 100, NOW)
    leaf = issue(ca, names, 60, NOW)
    assert reason_to_issue_authority(ca.certificate, names, NOW, 30) is None
    assert reason_to_issue(leaf.certificate, names, NOW, 30) is None
    assert is_key_of(leaf.certificate, leaf.key)


@settings(max_examples=15, deadline=None)
@given(full_names, full_names)
def test_any_name_is_accepted_and_any_other_refused(tmp_path_factory: pytest.TempPathFactory, a: str, b: str) -> None:
    ca = make_authority(CertificateNames((a,)), 30, utc_now())
    own = written(tmp_path_factory.mktemp("own"), ca.certificate, issue(ca, CertificateNames((a,)), 20, utc_now()))
    assert openssl_refusal(own, "-verify_hostname", a) == ""
    if a != b and not b.endswith(f".{a}"):
        other = written(
            tmp_path_factory.mktemp("other"), ca.certificate, issue(ca, CertificateNames((b,)), 20, utc_now())
        )
        assert "permitted subtree violation" in openssl_refusal(other, "-verify_hostname", b)


def leaf(days: int = 100, names: CertificateNames = NAMES) -> x509.Certificate:
    return issue(make_authority(NAMES, 3650, NOW), names, days, NOW).certificate


@pytest.mark.parametrize(
    ("certificate", "later_days", "reason"),
    [
        (None, 0, "there is none"),
        (leaf(), 0, None),
        (leaf(), 69, None),
        (leaf(), 70, "it expires on 2030-04-11, within 30 days"),
        (leaf(), 100, "it expired on 2030-04-11"),
        (leaf(), -1, "it is not valid before 2029-12-31 23:00 UTC; is this clock right?"),
        (
            leaf(names=CertificateNames(("registry.moor.test",))),
            0,
            "it is not for registry, mirror.moor.test, 10.77.0.11",
        ),
        (leaf(names=CertificateNames(("*.moor.test", "registry"), NAMES.addresses)), 0, None),
    ],
)
def test_a_certificate_is_issued_anew_for_a_reason(
    certificate: x509.Certificate | None, later_days: int, reason: str | None
) -> None:
    assert reason_to_issue(certificate, NAMES, NOW + timedelta(days=later_days), 30) == reason


def test_a_ca_is_made_anew_when_it_may_not_vouch_for_a_new_name() -> None:
    ca = make_authority(NAMES, 3650, NOW).certificate
    more = CertificateNames((*NAMES.dns, "hub.moor.test"), NAMES.addresses)
    assert reason_to_issue_authority(ca, more, NOW, 30) == "it may not vouch for hub.moor.test"
    assert reason_to_issue_authority(ca, CertificateNames(NAMES.dns[:1], NAMES.addresses), NOW, 30) is None


def test_a_sealed_key_opens_by_its_passphrase_only(authority: CertificateWithKey) -> None:
    content = encrypt_key(authority.key, Secret("correct-horse"))
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    assert is_key_of(authority.certificate, read_key(content, Secret("correct-horse"), "ca.key"))
    with pytest.raises(InputError, match=r"^ca.key: data.pki.passphrase does not open this key"):
        read_key(content, Secret("wrong-horse"), "ca.key")
    with pytest.raises(InputError, match=r"^ca.key: the key is encrypted; write data.pki.passphrase"):
        read_key(content, None, "ca.key")


@pytest.mark.parametrize("cut", [0, 1, 40, 100, 300])
def test_a_damaged_key_or_certificate_is_one_clear_error(authority: CertificateWithKey, cut: int) -> None:
    with pytest.raises(InputError, match=r"^ca.key: not a whole private key in PEM form; put back a good copy$"):
        read_key(encrypt_key(authority.key, Secret("correct-horse"))[:cut], Secret("correct-horse"), "ca.key")
    with pytest.raises(InputError, match=r"^ca.crt: not a whole certificate in PEM form; put back a good copy$"):
        read_chain(authority.pem.encode()[:cut], "ca.crt")


def test_a_certificate_in_der_form_is_refused_with_the_command_that_converts_it(authority: CertificateWithKey) -> None:
    der = ssl.PEM_cert_to_DER_cert(authority.pem)
    with pytest.raises(InputError, match=r"^ca.crt: a certificate in DER form; .*openssl x509 -inform der"):
        read_chain(der, "ca.crt")
