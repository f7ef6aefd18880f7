"""Which blobs an artifact needs, read from its manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moor.formats.nesting import parse_json

LARGEST = 8 * 1024 * 1024  # bytes; registries refuse manifests of half the size
PREFIX = "sha256:"


@dataclass(frozen=True)
class References:
    """The digests that a manifest refers to, without the algorithm: of content, and of further manifests."""

    content: frozenset[str] = frozenset()
    manifests: frozenset[str] = frozenset()


def references_of(manifest: bytes) -> References:
    """Return what a manifest refers to and its registry holds.

    A layer with ``urls`` lies elsewhere, and need not be there. What is no manifest refers to nothing.

    References:
        OCI image-spec, manifest.md and image-index.md; Docker's schemas 1 and 2
    """
    try:
        document = parse_json(manifest)
    except ValueError:
        return References()
    if not isinstance(document, dict):
        return References()
    content = [document.get("config"), *(e for name in ("layers", "blobs", "fsLayers") for e in _list(document, name))]
    return References(frozenset(_digests(content)), frozenset(_digests(_list(document, "manifests"))))


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    return found if isinstance(found, list) else []


def _digests(entries: Iterable[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, dict) and not entry.get("urls"):
            digest = entry.get("digest") or entry.get("blobSum")
            if isinstance(digest, str) and digest.startswith(PREFIX):
                yield digest.removeprefix(PREFIX)


def missing_blobs(artifacts: Iterable[str], blobs: Mapping[str, int], read: Callable[[str], bytes]) -> set[str]:
    """Return the digests that artifacts need and ``blobs`` lacks.

    Args:
        artifacts: the digests of their manifests.
        blobs: sizes by digest.
        read: returns a blob.
    """
    needed, seen, ahead = set[str](), set[str](), set(artifacts)
    while ahead:
        digest = ahead.pop()
        seen.add(digest)
        if blobs.get(digest, LARGEST + 1) <= LARGEST:
            found = references_of(read(digest))
            needed |= found.content
            ahead |= found.manifests - seen
    return (needed | seen) - set(blobs)
