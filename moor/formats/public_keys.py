"""Public keys of SSH, as text."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as BadBase64
from contextlib import suppress

NO_KEY = "not a public key; write what `ssh-keyscan HOST` prints after the name: ssh-ed25519 AAAA..."


def public_key(text: str) -> tuple[str, str]:
    """Read a host's public key, as ssh-keyscan prints it after the name; return its type and its base64.

    Raises:
        ValueError: it is none.
    """
    kind, blob, *_ = [*text.split(), "", ""]
    if not kind or kind_of(blob) != kind:
        raise ValueError(NO_KEY)
    return kind, blob


def kind_of(blob: str) -> str:
    """Read the kind of a key out of its base64, RFC 4253, 6.6; empty where it is no key."""
    with suppress(ValueError, BadBase64):
        raw = b64decode(blob, validate=True)
        length = int.from_bytes(raw[:4], "big")
        if 0 < length < len(raw) - 4:
            return raw[4 : 4 + length].decode("ascii", "replace")
    return ""
