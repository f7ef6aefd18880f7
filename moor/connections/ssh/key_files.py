"""Recognition of private key files by their content, and the reasons why one cannot be used."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as BadBase64

PUBLIC = (b"ssh-", b"ecdsa-", b"sk-", b"---- BEGIN SSH2 PUBLIC KEY", b"-----BEGIN PUBLIC KEY")
OPENSSH = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END", re.DOTALL)
PKCS8 = re.compile(rb"-----BEGIN (ENCRYPTED )?PRIVATE KEY-----")
NOT_OPENED = "the passphrase that was given does not open the key; correct passphrase in extras"
LOCKED = "the key is encrypted; load it into ssh-agent, or give passphrase in extras"
MAGIC = b"openssh-key-v1\0"  # OpenSSH, PROTOCOL.key; the cipher's name follows, which is "none" for an open key


def is_pkcs8(content: bytes) -> bool:
    """Return whether a private key is in PKCS#8, as openssl genpkey writes it."""
    return PKCS8.search(content) is not None


def is_security_key(content: bytes) -> bool:
    """Return whether an open private key only refers to one on a token (FIDO)."""
    found = OPENSSH.search(content)
    return found is not None and b"sk-" in decoded(found[1])[:100]


def is_encrypted(content: bytes) -> bool:
    """Return whether a private key needs a passphrase."""
    if found := OPENSSH.search(content):
        inner = decoded(found[1])
        return inner.startswith(MAGIC) and not inner[len(MAGIC) + 4 :].startswith(b"none")
    return b"ENCRYPTED" in content


def decoded(text: bytes) -> bytes:
    """Decode base64; return nothing if it is none."""
    try:
        return b64decode(b"".join(text.split()))
    except (ValueError, BadBase64):
        return b""


def explain_unusable_key(content: bytes, passphrase: str | None, detail: object = "") -> str:
    """Return why a private key cannot be used, and the remedy.

    Args:
        content: of the key file.
        passphrase: as the user gave it, or None.
        detail: the error of the library that could not read the key.
    """
    if content.startswith(b"PuTTY-User-Key-File"):
        return "this is PuTTY's form; write it in OpenSSH's: puttygen KEY -O private-openssh -o NEW"
    if content.lstrip().startswith(PUBLIC):
        return "this is a public key; name the private one"
    if b"PRIVATE KEY-----" not in content:
        return "this is no private key; name one as ssh-keygen or openssl writes it"
    if is_encrypted(content):
        return LOCKED if passphrase is None else NOT_OPENED
    if is_security_key(content):
        return "this key is on a security key, which ssh-agent can ask; load it there (ssh-add), and leave out key_file"
    shown = " ".join(str(detail).split())[:200]
    return f"damaged, or of a kind that SSH does not have{f' ({shown})' if shown else ''}; use RSA, ECDSA or Ed25519"
