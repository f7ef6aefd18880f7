"""Archives of docker save, read without unpacking them."""

from __future__ import annotations

import hashlib
import lzma
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Protocol, cast

from moor.errors import InputError
from moor.formats.nesting import parse_json
from moor.lazy_imports import tarfile

LARGEST = 4 * 1024 * 1024  # bytes of a manifest or an image's configuration, the limit of registries too
JSON_ERRORS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
)  # errors of reading unexpected JSON


class ImageArchive(Protocol):
    """An image of one platform as docker load takes it."""

    @property
    def image_id(self) -> str:
        """Return the image's id: the hash of its configuration."""

    def open(self) -> BinaryIO:
        """Return the archive, to be read once."""


@dataclass(frozen=True)
class ArchiveFile:
    """A file of docker save on the controller."""

    path: Path

    @property
    def image_id(self) -> str:
        """Return the image's id; see ``read_image_id``."""
        return read_image_id(self.path)

    def open(self) -> BinaryIO:
        """Return the file, to be read once."""
        return self.path.open("rb")


def read_image_id(archive: Path) -> str:
    """Return the id of the image in an archive of docker save: the hash of its configuration.

    Raises:
        InputError: the archive is missing or malformed, or holds several images.
    """
    try:
        with tarfile.open(archive) as tar:
            manifest = parse_json(member_of(tar, "manifest.json"))
            (image,) = manifest
            content: bytes = member_of(tar, image["Config"])
    except FileNotFoundError as error:
        raise InputError(f"no such file: {archive}; docker save makes one") from error
    except (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, *JSON_ERRORS) as error:
        why = _reason(error)
        raise InputError(f"{archive}: not an archive of one image, as docker save makes it: {why}") from error
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _reason(error: Exception) -> str:
    """Return an error's text; tarfile's own lists every compression that it tried."""
    return "no tar in it" if isinstance(error, tarfile.ReadError) else str(error)


def member_of(tar: tarfile.TarFile, name: str) -> bytes:
    """Read a small file of an archive; links are refused, since a malicious one may point to itself."""
    entry = tar.getmember(name)
    if not entry.isreg():
        raise ValueError(f"{name} is no file")
    if entry.size > LARGEST:
        raise ValueError(f"{name} has {entry.size} bytes, too many for an image's description")
    with cast(IO[bytes], tar.extractfile(entry)) as file:
        return file.read()
