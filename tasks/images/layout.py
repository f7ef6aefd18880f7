"""Archives that skopeo copies, read without unpacking: which image is in one, and by what it is recognised."""

from __future__ import annotations

import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from moor.errors import InputError
from moor.formats.nesting import parse_json
from moor.lazy_imports import tarfile
from moor.tasks.images.archive import JSON_ERRORS, member_of
from moor.tasks.images.origin import Origin

INDEX, LAYOUT = "index.json", "oci-layout"
REF_NAME = "org.opencontainers.image.ref.name"
LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True)
class Held:
    """What an archive has of an image: the digest of its manifest (OCI), or the id of its configuration (Docker)."""

    field: str
    digest: str


Read = Callable[[str], bytes]


def image_in(origin: Origin, path: Path) -> Held:
    """Return which image an archive holds under the name that is asked for.

    Args:
        path: the archive on the controller, a directory for ``oci``

    Raises:
        InputError: the archive is missing, cannot be read, or holds no such image, or several where none is named
    """
    try:
        if origin.transport == "oci":
            return _oci_image(origin, lambda name: _file_in(path, name))
        with _opened(path) as read:
            return _oci_image(origin, read) if origin.transport == "oci-archive" else _docker_image(origin, read)
    except FileNotFoundError as error:
        raise InputError(f"{origin}: no such file: {error.filename or path}") from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, *JSON_ERRORS) as error:
        why = "no tar in it" if isinstance(error, tarfile.ReadError) else str(error).strip("'\"")
        raise InputError(f"{origin}: not such an archive: {why}") from None


@contextmanager
def _opened(path: Path) -> Iterator[Read]:
    with tarfile.open(path) as tar:
        names = {entry.name.removeprefix("./"): entry.name for entry in tar}
        yield lambda name: member_of(tar, names.get(name, name))


def _file_in(path: Path, name: str) -> bytes:
    with cast(IO[bytes], (path / name).open("rb")) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"{name} is too large for an image's description")
    return content


def _oci_image(origin: Origin, read: Read) -> Held:
    entries = parse_json(read(INDEX))["manifests"]
    names = [str((entry.get("annotations") or {}).get(REF_NAME, "")) for entry in entries]
    return Held("digest", str(_chosen(origin, entries, [[name] for name in names])["digest"]))


def _docker_image(origin: Origin, read: Read) -> Held:
    entries = parse_json(read("manifest.json"))
    entry = _chosen(origin, entries, [list(entry.get("RepoTags") or []) for entry in entries])
    return Held("image", f"sha256:{hashlib.sha256(read(str(entry['Config']))).hexdigest()}")


def _chosen(origin: Origin, entries: list[Mapping[str, Any]], names: list[list[str]]) -> Mapping[str, Any]:
    """Return the entry with the name that is asked for, or the only one."""
    every = ", ".join(name for known in names for name in known if name) or "no names"
    found = [entry for entry, known in zip(entries, names, strict=True) if not origin.tag or origin.tag in known]
    if len(found) == 1:
        return found[0]
    asked = f"no image {origin.tag}" if origin.tag else f"{len(found)} images, so that one has to be named"
    raise InputError(f"{origin}: {asked}; it has {every}")


def files_of(origin: Origin, path: Path, also: Iterable[str] = ()) -> dict[str, Path]:
    """Return the files to bring to the host that copies, by their paths below the archive's, which is empty for a file.

    Of a layout only the named image's blobs are brought.

    Args:
        also: digests of other manifests of the layout that are brought

    Raises:
        InputError: a blob is missing
    """
    if origin.transport != "oci":
        return {"": path}
    wanted, seen = [image_in(origin, path).digest, *also], list[str]()
    while wanted:
        digest = wanted.pop()
        if digest not in seen:
            seen.append(digest)
            wanted += _referred(path, digest)
    names = [INDEX, LAYOUT, *(_blob(digest) for digest in seen)]
    if lacking := [name for name in names if not (path / name).is_file()]:
        raise InputError(f"{origin}: {lacking[0]} is missing, which its image needs; was the copy of it cut?")
    return {name: path / name for name in names}


def _referred(path: Path, digest: str) -> list[str]:
    """Return the digests that a manifest names; none for any other blob."""
    try:
        tree = parse_json(_file_in(path, _blob(digest)))
        entries = [*(tree.get("manifests") or []), *(tree.get("layers") or [])]
        entries += [tree["config"]] if tree.get("layers") and tree.get("config") else []
        return [str(entry["digest"]) for entry in entries]
    except (OSError, *JSON_ERRORS):
        return []


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
