"""What a bundle has attached to its images, and whether they are signed by a key; the bundle alone is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from moor.errors import InputError
from moor.lazy_imports import tarfile
from moor.tasks.attached import Attachments, marks_in
from moor.tasks.bundle.manifest import BLOBS, BundledImage, Part
from moor.tasks.bundle.opened import OpenBundle
from moor.tasks.cosign_keys import is_signed

Read = Callable[[str], bytes]
LARGEST = 4 * 1024 * 1024  # bytes of a manifest, a signature or an attestation


def attached_in(bundle: OpenBundle, image: BundledImage) -> Attachments | None:
    """Return what is attached to an image; None if nobody asked for that when the bundle was made."""
    if image.attached is None:
        return None
    read = _reader(bundle)
    return Attachments({one: marks_in(read(one.digest)) if one.end else frozenset() for one in image.attached})


def refuse_unsigned(bundle: OpenBundle, image: BundledImage, key: Path) -> None:
    """Raise InputError unless an image has a valid signature by a key."""
    if fault := fault_of(image, key, _reader(bundle)):
        raise InputError(f"{bundle.name}: {fault}")


def fault_of(image: BundledImage, key: Path, read: Read) -> str:
    """Return why an image of a bundle does not count as signed by a key; empty if it is.

    Args:
        read: the content of a blob, by its digest
    """
    if image.attached is None:
        return (
            f"it has no signatures of {image.source}, which must be signed by {key}; make it again, without "
            "signatures: false"
        )
    about = [one.digest for one in image.attached if one.subject == image.digest]
    if is_signed(image.digest, about, read, key.read_text()):
        return ""
    return f"{image.source} ({image.digest[:19]}...) has no valid signature by {key} in it; nothing of it is used"


def _reader(bundle: OpenBundle) -> Read:
    def read(digest: str) -> bytes:
        path = bundle.part(f"{BLOBS}/{digest.partition(':')[2]}").path
        with bundle.places[path].open("rb") as file:
            return file.read(LARGEST)

    return read


def read_part(path: Path, part: Part) -> bytes:
    """Return a small part of a bundle, a file or a directory, which was verified before."""
    if path.is_dir():
        return (path / part.path).read_bytes()
    with tarfile.open(path, "r:") as tar, cast(IO[bytes], tar.extractfile(part.path)) as file:
        return file.read(LARGEST)
