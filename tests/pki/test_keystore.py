"""Keys and certificates on disk: sealed, private, whole or told."""

from __future__ import annotations

import os
import stat
from ipaddress import ip_address
from pathlib import Path

import pytest

from moor.errors import InputError
from moor.pki.authority import CertificateNames, CertificateWithKey, make_authority, utc_now
from moor.pki.keystore import StoredPair
from moor.secrets.secret import Secret

PASSPHRASE = Secret("correct-horse")


@pytest.fixture(scope="module")
def pair() -> CertificateWithKey:
    return make_authority(CertificateNames(("registry.moor.test",), (ip_address("10.77.0.11"),)), 100, utc_now())


@pytest.fixture
def kept(tmp_path: Path, pair: CertificateWithKey) -> StoredPair:
    store = StoredPair(tmp_path / ".moor" / "pki", "ca")
    store.save(pair, PASSPHRASE)
    return store


def held(kept: StoredPair) -> CertificateWithKey:
    found = kept.pair(PASSPHRASE)
    assert found is not None
    return found


def test_what_was_saved_is_read_again(kept: StoredPair, pair: CertificateWithKey) -> None:
    found = held(kept)
    assert found.certificate == pair.certificate
    assert found.key.private_numbers() == pair.key.private_numbers()
    assert kept.flaw(found) is None


def test_nothing_is_there_on_a_bare_site_and_reading_makes_nothing(tmp_path: Path) -> None:
    kept = StoredPair(tmp_path / ".moor" / "pki", "ca")
    assert kept.certificate() is None
    assert kept.pair(PASSPHRASE) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_the_key_is_sealed_and_private_whatever_the_umask(tmp_path: Path, pair: CertificateWithKey, umask: int) -> None:
    kept = StoredPair(tmp_path / ".moor" / "pki", "ca")
    before = os.umask(umask)
    try:
        with kept.lock():
            kept.save(pair, PASSPHRASE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(kept.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    assert "BEGIN ENCRYPTED PRIVATE KEY" in kept.key_file.read_text()
    assert "BEGIN PRIVATE KEY" not in kept.key_file.read_text()
    assert sorted(os.listdir(kept.folder)) == ["ca.crt", "ca.key"]


def test_a_wrong_passphrase_is_told_and_nothing_is_overwritten(kept: StoredPair) -> None:
    before = kept.key_file.read_bytes()
    with pytest.raises(InputError, match=r"ca\.key: data\.pki\.passphrase does not open this key"):
        kept.pair(Secret("wrong-horse"))
    assert kept.key_file.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 100, 350, 500])
def test_a_file_that_was_cut_off_is_told(kept: StoredPair, cut: int) -> None:
    kept.key_file.write_bytes(kept.key_file.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"ca\.key: .*put back a good copy"):
        held(kept)


def test_the_key_of_another_certificate_is_told(kept: StoredPair, pair: CertificateWithKey) -> None:
    other = make_authority(CertificateNames(("registry.moor.test",)), 100, utc_now())
    kept.save(CertificateWithKey(pair.certificate, other.key), PASSPHRASE)
    with pytest.raises(InputError, match="not the key of its certificate"):
        held(kept)


def test_a_certificate_without_its_key_is_told(kept: StoredPair) -> None:
    kept.key_file.unlink()
    with pytest.raises(InputError, match="put the key back, or move the certificate away"):
        held(kept)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nMI"])
def test_a_lost_or_damaged_copy_of_the_certificate_is_a_flaw(kept: StoredPair, content: bytes | None) -> None:
    kept.certificate_file.unlink()
    if content is not None:
        kept.certificate_file.write_bytes(content)
    assert kept.flaw(held(kept)) == "ca.crt is not the certificate of ca.key"


def test_a_key_that_others_may_read_is_a_flaw(kept: StoredPair) -> None:
    kept.key_file.chmod(0o644)
    assert kept.flaw(held(kept)) == "others may read ca.key (mode 0644)"


def test_a_run_killed_between_the_two_files_leaves_a_pair(kept: StoredPair) -> None:
    renewed = make_authority(CertificateNames(("registry.moor.test",)), 100, utc_now())
    old = kept.certificate_file.read_bytes()
    kept.save(renewed, PASSPHRASE)
    kept.certificate_file.write_bytes(old)  # as if the second write had not come about
    assert held(kept).certificate == renewed.certificate
    assert kept.flaw(held(kept)) == "ca.crt is not the certificate of ca.key"
