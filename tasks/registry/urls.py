"""Addresses that Harbor itself connects to."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field


def url_of(text: str) -> str:
    """Return an address of http or https; raise ValueError for another one, and for one with a login in it."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"no address: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("a login has no place in an address; write it where secrets are written, as a reference")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(f"{text!r} is no address; write such as https://ci.corp.test/hook")
    return text


Url = Annotated[str, Field(max_length=2048, pattern=r"^\S+$"), AfterValidator(url_of)]
