"""How text is written in a script where not every letter may stand as it is."""

import string

SAFE: frozenset[str] = frozenset(string.ascii_letters + string.digits + string.punctuation + " \n\t") - {"'", "\\"}


def octal(text: str) -> str:
    r"""Write ``text`` for the b conversion of POSIX printf: each byte that is not safe as ``\0ddd``."""
    if SAFE.issuperset(text):
        return text
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(b) if chr(b) in SAFE else f"\\0{b:03o}" for b in raw)
