"""What others call a URL has parts, or none at all."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.formats.urls import NONE, join_url, split_url

TEXTS = st.text(st.sampled_from("htps:/[]@.?#%a1\\ \t"), max_size=20)


@given(TEXTS, TEXTS)
def test_every_text_has_parts_that_can_be_asked_for(text: str, other: str) -> None:
    parts = split_url(text)
    assert (parts.hostname, parts.port) == (
        (urlsplit(text).hostname, urlsplit(text).port) if any(parts) else (None, None)
    )
    join_url(text, other)


@pytest.mark.parametrize("text", ["https://[::1", "https://[x]", "https://x:seven", "https://x:65536", "//[a"])
def test_what_is_no_url_has_no_parts(text: str) -> None:
    assert split_url(text) == NONE


def test_an_address_of_the_sixth_version_is_a_host() -> None:
    assert (split_url("https://[fd00::1]:5000/v2/").hostname, split_url("https://[fd00::1]:5000").port) == (
        "fd00::1",
        5000,
    )
