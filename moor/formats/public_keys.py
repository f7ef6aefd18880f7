"""Parsing of SSH public keys."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as BadBase64
from contextlib import suppress

NO_KEY = "not a public key; write what `ssh-keyscan HOST` prints after the name: ssh-ed25519 AAAA..."


def parse_public_key(text: str) -> tuple[str, str]:
    """Return the type and the base64 of a host's public key, as ssh-keyscan prints it after the name.

    Raises:
        ValueError: the text is not a public key.
    """
    kind, blob, *_ = [*text.split(), "", ""]
    if not kind or type_of_key(blob) != kind:
        raise ValueError(NO_KEY)
    return kind, blob


def type_of_key(blob: str) -> str:
    """Return the type that a key's base64 names (RFC 4253, 6.6); empty if it is not a key."""
    with suppress(ValueError, BadBase64):
        raw = b64decode(blob, validate=True)
        length = int.from_bytes(raw[:4], "big")
        if 0 < length < len(raw) - 4:
            return raw[4 : 4 + length].decode("ascii", "replace")
    return ""
