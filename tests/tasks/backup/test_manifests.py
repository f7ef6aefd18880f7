"""What an artifact needs of its registry."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.backup.manifests import References, missing_blobs, references_of

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def entry(digest: str, **more: Any) -> dict[str, Any]:
    return {"digest": f"sha256:{digest}", **more}


@pytest.mark.parametrize(
    ("document", "content", "manifests"),
    [
        ({"config": entry(A), "layers": [entry(B), entry(C, urls=["https://elsewhere.test/x"])]}, {A, B}, set()),
        ({"manifests": [entry(A, platform={"os": "linux"}), entry(B)], "subject": entry(C)}, set(), {A, B}),
        ({"schemaVersion": 1, "fsLayers": [{"blobSum": f"sha256:{A}"}]}, {A}, set()),
        ({"blobs": [entry(A)], "layers": None, "config": "x"}, {A}, set()),
        ([entry(A)], set(), set()),
    ],
)
def test_a_manifest_of_each_form_names_what_it_needs(document: Any, content: set[str], manifests: set[str]) -> None:
    assert references_of(json.dumps(document).encode()) == References(frozenset(content), frozenset(manifests))


@given(st.binary(max_size=200))
def test_what_is_no_manifest_needs_nothing(content: bytes) -> None:
    assert references_of(content) == References()


def test_what_is_missing_is_found_through_an_index() -> None:
    kept: dict[str, bytes] = {}

    def keep(document: dict[str, Any]) -> str:
        content = json.dumps(document).encode()
        digest = hashlib.sha256(content).hexdigest()
        kept[digest] = content
        return digest

    image = keep({"config": entry(A), "layers": [entry(B)]})
    index = keep({"manifests": [entry(image), entry(C)]})
    kept[A] = b"{}"
    sizes = {digest: len(content) for digest, content in kept.items()}
    assert missing_blobs([index], sizes, kept.__getitem__) == {B, C}
    assert missing_blobs([image], sizes, kept.__getitem__) == {B}
    assert missing_blobs([index], {**sizes, B: 9 * 1024 * 1024, C: 9 * 1024 * 1024}, kept.__getitem__) == set()
    assert missing_blobs([B], {}, kept.__getitem__) == {B}
