"""Both libraries read private keys of every common form, or refuse them with the true reason."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from moor.connections.ssh.shell import Shell
from moor.errors import InputError
from tests.harness.sshd import Sshd

KEYS: dict[str, Any] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ecdsa": ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}
FORMS = ("PKCS8", "OpenSSH", "TraditionalOpenSSL")
MODULES = {
    "netmiko": "moor.connections.ssh.private_keys",
    "libssh": "moor.connections.ssh.libssh_login",
    "libssh2": "moor.connections.ssh.libssh2_keys",
}
Read = Callable[[Path, str | None], object]


@pytest.fixture
def read(backend: str) -> Read:
    """Return the function by which a library reads a key."""
    found: Read = import_module(MODULES[backend]).private_key
    return found


def written(path: Path, key: Any, form: str, passphrase: str = "") -> Path:
    sealing = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), sealing))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KEYS)
def test_every_form_of_a_private_key_is_read_encrypted_or_not(tmp_path: Path, read: Read, kind: str, form: str) -> None:
    if (kind, form) == ("ed25519", "TraditionalOpenSSL"):
        return  # there is no such form
    assert read(written(tmp_path / "open", KEYS[kind], form), None)
    assert read(tmp_path / "open", "needless") is not None
    sealed = written(tmp_path / "sealed", KEYS[kind], form, "correct-horse")
    assert read(sealed, "correct-horse")
    with pytest.raises(InputError, match="the key is encrypted; load it into ssh-agent, or give passphrase"):
        read(sealed, None)
    with pytest.raises(InputError, match="the passphrase that was given does not open the key") as refused:
        read(sealed, "wrong-horse")
    assert "wrong-horse" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "puttygen KEY -O private-openssh"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvc me\n", "this is a public key; name the private one"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "this is no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", "damaged, or of a kind"),
        (b"", "this is no private key"),
    ],
)
def test_a_file_that_is_no_private_key_is_recognised(tmp_path: Path, read: Read, content: bytes, words: str) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "key", None)


def test_a_kind_of_key_that_ssh_does_not_have_is_an_error(tmp_path: Path, read: Read) -> None:
    path = written(tmp_path / "key", ec.generate_private_key(ec.SECP256K1()), "PKCS8")
    with pytest.raises(InputError, match="use RSA, ECDSA or Ed25519"):
        read(path, None)


@pytest.mark.usefixtures("backend")
def test_an_encrypted_pkcs8_key_logs_in_to_a_host(sshd: Sshd, log_in: Callable[..., Shell], tmp_path: Path) -> None:
    own = serialization.load_ssh_private_key(sshd.key.read_bytes(), None)
    path = written(tmp_path / "pkcs8", own, "PKCS8", "correct-horse")
    assert log_in(key_file=str(path), passphrase="correct-horse").run("id -u", 30).stdout == b"0\n"
