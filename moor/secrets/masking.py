"""Masking of secrets in all output: a second protection besides ``Secret``, which already prints as ``***``."""

import base64
import json
import logging
import re
import shlex
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape
from urllib.parse import quote, quote_plus

from moor.formats.printf_escape import escape_for_printf

STARS = "***"
SHORTEST = 4  # characters; masking anything shorter would garble ordinary words
FEW = 500  # beginnings; so many searches of a text take as long as cutting it into pieces
SHORTEST_LINE = 8  # of a multi-line secret, such as a key


class Masker:
    """Replaces registered secrets in text by ``***``.

    A fleet may have thousands of secrets, each with some twenty spellings: a pattern of all of them would take seconds
    to compile and be tried at every character. So the spellings are kept by their first characters, and a text is
    searched for those that share such a beginning with a part of it.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may mask while this lock is held
        self._values: set[str] = set()
        self._forms: dict[str, set[str]] = {}  # by their first characters

    def register(self, value: str) -> None:
        """Mask ``value`` from now on, in every spelling that ``spellings`` lists."""
        with self._lock:
            if value in self._values:
                return
            for form in spellings(value):
                self._forms.setdefault(form[:SHORTEST], set()).add(form)
            self._values.add(value)

    def mask(self, text: str) -> str:
        """Return ``text`` with every registered secret replaced by ``***``, of two in one place the longer one."""
        if not text:  # as most errors and diffs are
            return text
        with self._lock:
            found = [form for first in self._beginnings_in(text) for form in self._forms[first] if form in text]
        if not found:
            return text
        longest_first = sorted(found, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first))).sub(STARS, text)

    def _beginnings_in(self, text: str) -> Iterable[str]:
        if len(self._forms) < FEW:
            return [first for first in self._forms if first in text]
        return {text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1)} & self._forms.keys()


def spellings(value: str) -> frozenset[str]:
    """Return the spellings of a secret to mask: whole, by line, and as JSON, URL, base64, HTML, Python and sh.

    A value shorter than ``SHORTEST`` has none.
    """
    if len(value) < SHORTEST:
        return frozenset()
    lines = [line for line in value.splitlines() if len(line) >= SHORTEST_LINE and not line.startswith("-----")]
    plain = {value, *(lines if len(value.splitlines()) > 1 else ())}
    raw = value.encode("utf-8", "surrogateescape")
    spelled = {
        *(json.dumps(value, ensure_ascii=plain)[1:-1] for plain in (True, False)),
        *(spell(raw, safe=safe) for spell in (quote, quote_plus) for safe in ("", "/")),
        *(escape(value, quote=quotes) for quotes in (True, False)),
        *(spell(value)[1:-1] for spell in (repr, ascii)),
        shlex.quote(value)[1:-1],
    }
    spelled |= {escape_for_printf(form) for form in {*plain, *spelled}}
    return frozenset(form for form in {*plain, *spelled, *_base64_forms(raw)} if len(form) >= SHORTEST)


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Yield the base64 of ``raw`` at each of three offsets in a longer text, such as ``user:password``."""
    if len(raw) < SHORTEST:
        return
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw).decode()
        first = -(-offset * 8 // 6)  # earlier letters also depend on the text before
        inner = encoded[first : (offset + len(raw)) * 8 // 6]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))
    yield base64.b64encode(raw).decode()


_masker = Masker()  # this process's; every Secret registers with it


def register(value: str) -> None:
    """Make ``mask`` replace ``value`` in this process."""
    _masker.register(value)


def mask(text: str) -> str:
    """Return ``text`` with every secret of this process replaced by ``***``."""
    return _masker.mask(text)


@contextmanager
def fresh_masker() -> Iterator[None]:
    """Use an empty masker within the block, and the former one after it.

    For tests, and for programs that keep the secrets of several sites in one process apart.
    """
    global _masker
    former, _masker = _masker, Masker()
    try:
        yield
    finally:
        _masker = former


class MaskingFilter(logging.Filter):
    """Masks secrets in log records; add it to handlers, since a logger's filter does not apply to its children."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask message and traceback; every record passes."""
        record.msg, record.args = mask(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask(record.exc_text)
        return True
