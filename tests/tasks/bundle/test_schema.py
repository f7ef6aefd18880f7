"""Bundles of an older moor are read as they were written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moor.errors import InputError
from moor.tasks.attached import Attached
from moor.tasks.bundle.manifest import WITHOUT_ATTACHED, BundledImage, BundleManifest, parse_manifest

DIGEST = f"sha256:{'1' * 64}"


def test_a_manifest_is_read_as_it_was_written_by_either_schema() -> None:
    image = BundledImage(DIGEST, "a/b:1", (Attached(DIGEST, DIGEST, ".sig"), Attached(DIGEST, DIGEST)))
    new = BundleManifest("now", "1", (), {"a/b:1": image})
    assert parse_manifest(new.text(), "x") == new
    old = replace(new, images={"a/b:1": BundledImage(DIGEST, "a/b:1")}, schema=WITHOUT_ATTACHED)
    assert '"attached"' not in old.text()
    assert parse_manifest(old.text(), "x") == old


@pytest.mark.parametrize("wrong", [{"digest": "../x"}, {"subject": "x"}, {"end": ".exe"}])
def test_what_is_attached_to_nothing_is_refused(wrong: dict[str, str]) -> None:
    image = BundledImage(DIGEST, "a/b:1", (replace(Attached(DIGEST, DIGEST), **wrong),))
    with pytest.raises(InputError, match=r"bundle\.json is not a bundle's manifest"):
        parse_manifest(BundleManifest("now", "1", (), {"a/b:1": image}).text(), "x")
