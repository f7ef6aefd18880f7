"""What is wrong with an answer of NetBox, in a sentence that says what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from moor.formats.nesting import parse_json

OLDEST = (4, 0)  # the first whose devices have a role in place of a device_role
SECOND_FROM = (4, 5)  # the first that knows tokens of version 2
FIRST_UNTIL = (4, 7)  # the first that knows no more tokens of version 1
LONGEST = 200
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
PROXY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True)
class Answer:
    """One answer of NetBox.

    Attributes:
        path: what was asked for, without host and query
        status: of HTTP
        headers: by name; any case
        content: as it was sent
    """

    path: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def version(self) -> tuple[int, int] | None:
        """Return NetBox's version; None where the answer does not have it, as one of a proxy."""
        found = VERSION.match(self.headers.get("API-Version", ""))
        return (int(found[1]), int(found[2])) if found else None


def fault_of(answer: Answer, second: bool) -> str | None:
    """Return what is wrong with an answer; None if nothing is.

    Args:
        answer: no redirect.
        second: whether the token that was sent is of version 2.
    """
    if answer.version and answer.version < OLDEST:
        return f"it is NetBox {_shown(answer.version)}, and moor reads NetBox {_shown(OLDEST)} and later; upgrade it"
    if is_page(answer):
        title = TITLE.search(answer.content)
        named = f" ({_clean(title[1].decode('utf-8', 'replace'))})" if title else ""
        return (
            f"it answers with a web page{named} and status {answer.status}, not with JSON, as a proxy that wants a "
            "login or has an error does; write the address where the API itself answers in url"
        )
    if answer.status in REFUSED:
        return _refusal(answer, second)
    return None if answer.status == HTTPStatus.OK else _failure(answer)


def is_page(answer: Answer) -> bool:
    """Check whether an answer is a page for a browser."""
    if answer.status == HTTPStatus.NOT_FOUND or answer.status in PROXY:
        return False
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind in ("text/html", "application/xhtml+xml") or answer.content.lstrip()[:1] == b"<"


def _refusal(answer: Answer, second: bool) -> str:
    said = f"{answer.status}: {detail_of(answer)}"
    if "permission" in said.lower():
        return f"its token may not read {answer.path} ({said}); give the token's user the permission to view them"
    return f"it refuses the token ({said}){_wrong_kind(answer.version, second)}"


def _wrong_kind(version: tuple[int, int] | None, second: bool) -> str:
    if second and version and version < SECOND_FROM:
        return f"; NetBox {_shown(version)} takes tokens of version 1 alone, and this one (nbt_) is of version 2"
    if second or (version and version < FIRST_UNTIL):
        return ""
    return "; NetBox 4.7 and later take tokens of version 2 (nbt_), and this one is of version 1"


def _failure(answer: Answer) -> str:
    said = f"{answer.status}: {detail_of(answer)}"
    if answer.status == HTTPStatus.BAD_REQUEST:
        return f"it refuses the question for {answer.path} ({said}); look at filters and branch"
    if answer.status == HTTPStatus.NOT_FOUND:
        return f"it has no {answer.path} ({said}); is the path of NetBox missing at the end of url, or too much there?"
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = _clean(answer.headers.get("Retry-After", ""))
        return f"it was asked too often ({said}); try again {f'in {wait} s' if wait.isdigit() else 'later'}"
    if answer.status in PROXY:
        return f"the proxy before NetBox gets no answer from it ({said}); is NetBox up?"
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"it fails on {answer.path} ({said}); look at NetBox's log"
    return f"it answers {answer.path} with an unexpected status ({said})"


def detail_of(answer: Answer) -> str:
    """Return the reason that an answer gives, or the name of its status."""
    try:
        content = parse_json(answer.content)
    except ValueError:
        plain = answer.headers.get("Content-Type", "").startswith("text/plain")
        content = answer.content.decode("utf-8", "replace") if plain else None
    return _clean("; ".join(_reasons(content))) or _name(answer.status)


def _reasons(content: Any) -> Iterator[str]:
    """Yield the reasons: ``{"detail": ...}``, of an exception ``{"error": ...}``, or ``{"tag": [...]}`` by field."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            if key in ("detail", "error"):
                yield str(value)
            elif isinstance(value, list):
                yield f"{key}: {' '.join(map(str, value))}"


def _name(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "no reason given"


def _clean(words: str) -> str:
    """Return words of a server on one line, without what a terminal would act on, and not too long."""
    return "".join(one for one in " ".join(words.split()) if one.isprintable())[:LONGEST]


def _shown(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
