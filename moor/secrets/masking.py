"""Secrets struck out of whatever text goes out: a second net below ``Secret``, which never shows by itself."""

import base64
import json
import logging
import re
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from urllib.parse import quote, quote_plus

from moor.formats.octal import escape_for_printf

STARS = "***"
NOTHING = "(?!)"  # a pattern that matches nowhere
SHORTEST = 4  # characters; striking out anything shorter would garble ordinary words
SHORTEST_LINE = 8  # of a secret of many lines, such as a key


class Masker:
    """Strikes out what was registered with it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler masks too, perhaps in the midst of this
        self.forms: frozenset[str] = frozenset()
        self._made: tuple[frozenset[str], re.Pattern[str]] = (self.forms, re.compile(NOTHING))

    def register(self, value: str) -> None:
        """Have ``value`` struck out from now on, in every form that ``spellings`` lists."""
        with self._lock:
            self.forms |= spellings(value)

    def mask(self, text: str) -> str:
        """Return ``text`` with every registered secret as ``***``."""
        if not text:  # most errors and diffs of a fleet that is well
            return text
        with self._lock:
            if self._made[0] is not self.forms:  # not at every secret, but when text is masked
                longest_first = sorted(self.forms, key=len, reverse=True)
                self._made = self.forms, re.compile("|".join(map(re.escape, longest_first)) or NOTHING)
            pattern = self._made[1]
        return pattern.sub(STARS, text)


def spellings(value: str) -> frozenset[str]:
    """List the spellings by which a secret may leave: whole or line by line, in JSON, a URL, base64, HTML, Python, sh.

    A shorter value than ``SHORTEST`` has none, however long a spelling of it is.
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
    """Yield what base64 makes of ``raw`` at each of three offsets in a longer text, such as ``user:password``."""
    if len(raw) < SHORTEST:
        return
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw).decode()
        first = -(-offset * 8 // 6)  # letters before this one also depend on what stands before
        inner = encoded[first : (offset + len(raw)) * 8 // 6]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))
    yield base64.b64encode(raw).decode()


_masker = Masker()  # of this process: whatever a Secret was made of


def register(value: str) -> None:
    """Have ``value`` struck out of whatever passes ``mask`` in this process."""
    _masker.register(value)


def mask(text: str) -> str:
    """Return ``text`` with every secret of this process as ``***``."""
    return _masker.mask(text)


@contextmanager
def fresh_masker() -> Iterator[None]:
    """Know no secret when the block begins, and none of the block's own when it has ended.

    For tests, and for whoever works on several sites in one process and has to keep their words apart.
    """
    global _masker
    former, _masker = _masker, Masker()
    try:
        yield
    finally:
        _masker = former


class MaskingFilter(logging.Filter):
    """Strikes secrets out of log records; belongs on handlers, since loggers do not filter for their children."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask message and traceback; lets every record pass."""
        record.msg, record.args = mask(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask(record.exc_text)
        return True
