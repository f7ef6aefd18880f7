"""Escaping of text for printf in a shell script."""

import string

SAFE: frozenset[str] = frozenset(string.ascii_letters + string.digits + string.punctuation + " \n\t") - {"'", "\\"}


_SAFE_BYTES = "".join(SAFE).encode()


def is_safe(text: str) -> bool:
    """Return whether no byte of ``text`` needs an escape in the %b conversion of printf, between single quotes."""
    return text.isascii() and not text.encode().translate(None, _SAFE_BYTES)


def escape_for_printf(text: str) -> str:
    r"""Escape ``text`` for the %b conversion of POSIX printf: each unsafe byte becomes ``\0ddd``."""
    if is_safe(text):
        return text
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(b) if chr(b) in SAFE else f"\\0{b:03o}" for b in raw)
