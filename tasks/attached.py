"""What is attached to images: signatures, attestations and SBOMs, by cosign's tags or by references to a digest; pure.

Source  cosign's specs/SIGNATURE_SPEC.md and specs/BUNDLE_SPEC.md; OCI distribution specification 1.1, "Listing
Referrers" and "Referrers Tag Schema"
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moor.formats.nesting import objects_in, parse_object

ENDS = {".sig": "signature", ".att": "attestation", ".sbom": "SBOM"}  # of cosign's tags
REFERRING = "referring"
SIGNATURE = "dev.cosignproject.cosign/signature"  # annotation of a layer of ``.sig``
INDEX = "application/vnd.oci.image.index.v1+json"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
SILENT, BUSY, REFUSED = 0, 429, (401, 403)
SHOWN = 6  # what is attached, until it is only counted


@dataclass(frozen=True, order=True)
class Attached:
    """A manifest that is attached to another one.

    Attributes:
        subject: the digest of the manifest that it is about
        digest: its own
        end: of cosign's tag, one of ``ENDS``; empty for one that refers to its subject
    """

    subject: str
    digest: str
    end: str = ""

    @property
    def reference(self) -> str:
        """Return what stands behind its repository's name: ``:TAG`` or ``@DIGEST``."""
        return f":{tag_of(self.subject, self.end)}" if self.end else f"@{self.digest}"

    @property
    def shown(self) -> str:
        return f"{ENDS.get(self.end, REFERRING)}:{self.digest.removeprefix('sha256:')[:12]}"


@dataclass(frozen=True)
class Attachments:
    """What a registry has attached to some manifests.

    Attributes:
        marks: of each, what tells its layers apart; empty for one that refers to its subject
        unknown: why not all is known; empty if it is
    """

    marks: Mapping[Attached, frozenset[str]] = field(default_factory=dict)
    unknown: str = ""

    def __bool__(self) -> bool:
        return bool(self.marks or self.unknown)


Answer = tuple[int, Sequence[bytes]]  # the status of HTTP, 0 without an answer, and the pages of the body


def tag_of(digest: str, end: str = "") -> str:
    """Return cosign's tag for a digest, or without an end the tag that lists what refers to it."""
    return digest.replace(":", "-", 1) + end


def questions(subject: str) -> list[str]:
    """Return the paths below /v2/REPOSITORY/ that tell what is attached to a digest."""
    tags = [f"manifests/{tag_of(subject, end)}" for end in (*ENDS, "")]
    return [*tags, f"referrers/{subject}"]


def read_answers(subject: str, answers: Mapping[str, Answer]) -> Attachments:
    """Return what is attached to a digest, by the answers to its ``questions``.

    A registry without the API of references has a tag with the list of them, which its clients write. Some of these
    answer to any path with a page, which is no list.
    """
    found: dict[Attached, frozenset[str]] = {}
    unknown: list[str] = []
    for end in ENDS:
        status, pages = answers[f"manifests/{tag_of(subject, end)}"]
        if status == 200:
            found[Attached(subject, digest_of(pages[0]), end)] = marks_in(pages[0])
        elif _is_unclear(status):
            unknown.append(_words(status))
    status, pages = answers[f"referrers/{subject}"]
    if (status == 200 and not _is_list(pages)) or status in REFUSED or (status != 200 and not _is_unclear(status)):
        status, pages = answers[f"manifests/{tag_of(subject)}"]
    if status == 200:
        found |= {Attached(subject, digest): frozenset() for digest in referring_in(pages)}
    elif _is_unclear(status):
        unknown.append(_words(status))
    return Attachments(found, unknown[0] if unknown else "")


def joined(found: Iterable[Attachments]) -> Attachments:
    """Return what several say together."""
    each = list(found)
    marks = {one: marks for attachments in each for one, marks in attachments.marks.items()}
    return Attachments(marks, next((one.unknown for one in each if one.unknown), ""))


def _is_list(pages: Sequence[bytes]) -> bool:
    return all("manifests" in parse_object(page) for page in pages)


def _is_unclear(status: int) -> bool:
    return status in (SILENT, BUSY, *REFUSED) or (status >= 500 and status != 501)


def _words(status: int) -> str:
    return f"it answers {status}" if status else "no answer"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def referring_in(pages: Iterable[bytes]) -> list[str]:
    """Return the digests in the pages of a list of references; what is none is left out."""
    digests = [str(entry.get("digest", "")) for entry in _entries(pages)]
    return list(dict.fromkeys(digest for digest in digests if DIGEST.fullmatch(digest)))


def manifests_in(content: bytes) -> list[str]:
    """Return the digests of the manifests in an image's index; none of an image of one platform."""
    return referring_in([content])


def marks_in(content: bytes) -> frozenset[str]:
    """Return what tells the layers of a manifest of cosign's apart: each one is a signature, or an attestation."""
    layers = objects_in(parse_object(content).get("layers"))
    signatures = [_mapping(layer.get("annotations")).get(SIGNATURE, "") for layer in layers]
    return frozenset(f"{layer.get('digest')} {mark}" for layer, mark in zip(layers, signatures, strict=True))


def _entries(pages: Iterable[bytes]) -> list[Mapping[str, Any]]:
    """Return the entries in the pages of a list of references, or of an image's index."""
    return [entry for page in pages for entry in objects_in(parse_object(page).get("manifests"))]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def held_of(there: Attachments, here: Attachments) -> tuple[list[Attached], list[Attached]]:
    """Return what is here of what is there, and which tags here have something else, which nobody may overwrite.

    A tag of cosign's collects: who signs an image once more adds a layer. So one that has all layers of the other
    counts as it, one with some of them is an older one, and one with layers that the other has not is somebody's own.
    """
    held, own = list[Attached](), list[Attached]()
    tags = {(one.subject, one.end): marks for one, marks in here.marks.items() if one.end}
    for one, marks in there.marks.items():
        if one in here.marks:
            held.append(one)
            continue
        ours = tags.get((one.subject, one.end)) if one.end else None
        if ours and marks <= ours:
            held.append(one)
        elif ours and not ours <= marks:
            own.append(one)
    return held, own


def shown(found: Iterable[Attached]) -> str:
    """Return what is attached, as a plan shows it."""
    words = sorted(one.shown for one in found)
    if len(words) <= SHOWN:
        return " ".join(words) or "none"
    return f"{len(words)} ({hashlib.sha256(' '.join(words).encode()).hexdigest()[:12]})"


def descriptor_of(content: bytes) -> dict[str, object]:
    """Return the entry of a manifest in the list of what refers to its subject."""
    tree = parse_object(content)
    kind = tree.get("artifactType") or _mapping(tree.get("config")).get("mediaType")
    found: dict[str, object] = {"mediaType": tree.get("mediaType"), "digest": digest_of(content), "size": len(content)}
    found |= {"artifactType": kind} if kind else {}
    return found | ({"annotations": tree["annotations"]} if tree.get("annotations") else {})


def list_with(pages: Sequence[bytes], added: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """Return the list of references that a registry has, with others added to it."""
    entries = _entries(pages)
    known = {entry.get("digest") for entry in entries}
    entries += [entry for entry in added if entry["digest"] not in known]
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
