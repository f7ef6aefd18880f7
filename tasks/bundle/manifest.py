"""The manifest of a bundle: every part with its size and its SHA-256; pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from moor.errors import InputError
from moor.formats.nesting import parse_json
from moor.tasks.attached import DIGEST, ENDS, Attached

SCHEMA = 2
WITHOUT_ATTACHED = 1  # the schema of bundles whose images have no ``attached``
MANIFEST, SIGNATURE = "bundle.json", "bundle.json.sig"
OCI_INDEX, OCI_LAYOUT, BLOBS = "index.json", "oci-layout", "blobs/sha256"
LARGEST = 64 * 1024 * 1024  # bytes of a manifest
PATH = re.compile(r"(?!/)(?:(?!\.\.?/)[A-Za-z0-9._+~%:@-]+/)*(?!\.\.?$)[A-Za-z0-9._+~%:@-]+")
SHA256 = re.compile(r"[0-9a-f]{64}")
KINDS = ("installer", "image", "packages", "chart", "moor")


@dataclass(frozen=True, order=True)
class Part:
    """One file of a bundle.

    Attributes:
        path: relative to the bundle.
        kind: one of ``KINDS``.
        elsewhere: the file is in the bundle that this one was made since.
    """

    path: str
    kind: str
    size: int
    sha256: str
    elsewhere: bool = False


@dataclass(frozen=True)
class BundledImage:
    """An image of a bundle.

    Attributes:
        digest: of its manifest, or of its index of several platforms.
        source: where it came from: an archive's name, or a reference upstream.
        attached: its signatures, attestations and SBOMs; None if nobody asked for them.
    """

    digest: str
    source: str = ""
    attached: tuple[Attached, ...] | None = None


@dataclass(frozen=True)
class BundledPackages:
    """The packages of one release.

    Attributes:
        sets: names that are installed together, each set resolved with everything that it depends on.
    """

    sets: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class BundleManifest:
    """What a bundle holds.

    Attributes:
        created: when, in UTC.
        moor: the version of moor that made it.
        images: by PROJECT/REPOSITORY:TAG.
        packages: by release and architecture, such as ``trixie-amd64``.
        charts: paths of packaged charts, by the place and version that workloads name.
        left_out: the kinds of parts that were left out on purpose.
        since: the id of the bundle that this one was made since; empty for a whole one.
        schema: of its text.
    """

    created: str
    moor: str
    parts: tuple[Part, ...]
    images: Mapping[str, BundledImage] = field(default_factory=dict)
    packages: Mapping[str, BundledPackages] = field(default_factory=dict)
    charts: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    since: str = ""
    schema: int = SCHEMA

    @property
    def by_path(self) -> dict[str, Part]:
        return {part.path: part for part in self.parts}

    def of_kind(self, kind: str) -> list[Part]:
        """Return the parts of one kind."""
        return [part for part in self.parts if part.kind == kind]

    def text(self) -> str:
        """Return the manifest as JSON: one text for the same content, with its own hash in it."""
        plain = asdict(self)
        if self.schema == WITHOUT_ATTACHED:
            for image in plain["images"].values():
                del image["attached"]
        return _dumped({"check": hashlib.sha256(_dumped(plain).encode()).hexdigest(), **plain})


def _dumped(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def id_of(text: str) -> str:
    """Return the id of a bundle: the hash of its manifest."""
    return hashlib.sha256(text.encode()).hexdigest()


def parse_manifest(text: str, name: str) -> BundleManifest:
    """Return the manifest that a text is.

    Args:
        text: the content of ``bundle.json``.
        name: the bundle's, for messages.

    Raises:
        InputError: it is none, or one of a newer moor.
    """
    try:
        document = parse_json(text)
        schema = document["schema"]
        found = _manifest(document) if schema in (SCHEMA, WITHOUT_ATTACHED) else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{name}: {MANIFEST} is not a bundle's manifest: {error}; make the bundle again") from None
    if found:
        if found.text() != text:
            raise InputError(f"{name}: {MANIFEST} was altered or damaged; copy the bundle again, or make it again")
        return found
    raise InputError(f"{name}: its manifest has schema {schema!r}, and this moor reads {SCHEMA}; use the moor in it")


def _manifest(document: Mapping[str, Any]) -> BundleManifest:
    parts = [Part(**part) for part in _list(document["parts"])]
    for part in parts:
        _check(part)
    if len({part.path for part in parts}) < len(parts):
        raise ValueError("a path stands twice in it")
    return BundleManifest(
        created=str(document["created"]),
        moor=str(document["moor"]),
        since=str(document["since"]),
        parts=tuple(parts),
        images={name: _image(image) for name, image in _dict(document["images"]).items()},
        packages={
            name: BundledPackages(tuple(tuple(map(str, one)) for one in found["sets"]))
            for name, found in _dict(document["packages"]).items()
        },
        charts={name: str(path) for name, path in _dict(document["charts"]).items()},
        left_out=tuple(map(str, _list(document["left_out"]))),
        schema=int(document["schema"]),
    )


def _image(image: Mapping[str, Any]) -> BundledImage:
    found = BundledImage(**image)
    if found.attached is None:
        return found
    attached = tuple(Attached(**one) for one in _list(found.attached))
    for one in attached:
        if not DIGEST.fullmatch(one.subject) or not DIGEST.fullmatch(one.digest) or one.end not in ("", *ENDS):
            raise ValueError(f"{one.digest!r:.100} is attached to nothing")
    return replace(found, attached=attached)


def _check(part: Part) -> None:
    if not PATH.fullmatch(part.path) or part.path in (MANIFEST, SIGNATURE):
        raise ValueError(f"{part.path!r:.200} is no path in a bundle")
    if type(part.size) is not int or part.size < 0 or not SHA256.fullmatch(part.sha256):
        raise ValueError(f"{part.path}: no size or no sha256")


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _dict(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not a mapping")
    return value


def changed_since(parts: Iterable[Part], old: BundleManifest) -> list[Part]:
    """Return the parts, those that ``old`` has with the same content marked as elsewhere."""
    before = {(part.path, part.sha256) for part in old.parts}
    return [
        Part(part.path, part.kind, part.size, part.sha256, elsewhere=(part.path, part.sha256) in before)
        for part in parts
    ]
