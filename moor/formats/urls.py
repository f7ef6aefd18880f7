"""URLs that others wrote: in files of hosts, in answers of registries, in an option."""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit

NONE = SplitResult("", "", "", "", "")


def split_url(text: str) -> SplitResult:
    """Return the parts of a URL; all of them are empty if the text is none.

    ``urlsplit`` raises for brackets around what is no address, and its result does for a port that is no number.
    """
    try:
        parts = urlsplit(text)
        _ = parts.hostname, parts.port
    except ValueError:
        return NONE
    return parts


def join_url(base: str, text: str) -> str:
    """Return where a reference of a page at ``base`` leads; empty if it is no URL."""
    try:
        return urljoin(base, text)
    except ValueError:
        return ""
