"""A bundle as one file: a plain tar, the manifest first; written and read in constant memory.

There is one way to write a bundle, so that every byte of the file is compared, those of tar's own headers too.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from shutil import rmtree
from typing import BinaryIO

from moor.errors import InputError
from moor.lazy_imports import tarfile
from moor.progress import TransferProgress
from moor.resources.hashed_file import FileVersion
from moor.tasks.bundle.file_copy import copy_by_kernel, write_all
from moor.tasks.bundle.manifest import LARGEST, MANIFEST, SIGNATURE, BundleManifest, Part
from moor.tasks.bundle.tar_stream import BLOCK, END, header, padding

CHUNK = 4 * 1024 * 1024
IS_NONE = "not a bundle of moor, which is a tar that begins with bundle.json"
CUT = "it is cut short; copy it again, and compare its size"


def pack(folder: Path, manifest: BundleManifest, target: Path, versions: Mapping[str, FileVersion]) -> None:
    """Write the bundle in ``folder`` as one tar; ``target`` is complete or not there.

    The kernel copies the parts, which costs less than reading and hashing them once more: each was hashed when it was
    made, and must be the same file still.

    Args:
        versions: of the files that were hashed, by the paths of their parts.

    Raises:
        InputError: a part was changed meanwhile, or the file system takes no file of this size.
        OSError: the disk is full.
    """
    draft = target.with_name(f".{target.name}.new")
    try:
        with draft.open("wb", buffering=0) as out:
            _write(folder, manifest, out, versions)
            os.fsync(out.fileno())
        draft.replace(target)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise InputError(
                f"{target}: its file system takes no file of this size, as FAT does; name a directory there instead"
            ) from None
        raise
    finally:
        draft.unlink(missing_ok=True)


def _write(folder: Path, manifest: BundleManifest, out: FileIO, versions: Mapping[str, FileVersion]) -> None:
    parts, moved = _in_order(manifest), 0
    progress = TransferProgress("writing the bundle", sum(part.size for part in parts))
    for name in (MANIFEST, SIGNATURE):
        if (folder / name).exists():
            content = (folder / name).read_bytes()
            write_all(out, header(name, len(content)) + content + padding(len(content)))
    for part in parts:
        write_all(out, header(part.path, part.size))
        with (folder / part.path).open("rb", buffering=0) as source:
            copied = copy_by_kernel(source, out, part.size)
            if copied < part.size or FileVersion.of(os.fstat(source.fileno())) != versions.get(part.path):
                raise InputError(f"{folder / part.path}: it was changed while the bundle was made; run again")
        write_all(out, padding(part.size))
        moved += part.size
        progress(moved)
    write_all(out, END)


def _in_order(manifest: BundleManifest) -> list[Part]:
    return sorted((part for part in manifest.parts if not part.elsewhere), key=lambda part: part.path)


@contextmanager
def opened_file(path: Path) -> Iterator[BinaryIO]:
    """Open the file of a bundle; raise InputError if there is none."""
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file or directory; moor bundle create makes one") from None


def read_head(file: BinaryIO, path: Path) -> tuple[bytes, bytes | None]:
    """Return the manifest at the start of a tar and its signature, if it has one."""
    manifest = _small(file, MANIFEST, path)
    if manifest is None:
        raise InputError(f"{path}: {IS_NONE}")
    at = file.tell()
    signature = _small(file, SIGNATURE, path)
    if signature is None:
        file.seek(at)
    return manifest, signature


def _small(file: BinaryIO, name: str, path: Path) -> bytes | None:
    """Return the content of the next file of a tar; None if it has another name."""
    try:
        size = tarfile.TarInfo.frombuf(block := file.read(BLOCK), "utf-8", "surrogateescape").size
    except tarfile.TarError:
        return None
    if block != header(name, size) or size > LARGEST:
        return None
    content = file.read(size)
    if len(content) < size or file.read(len(padding(size))) != padding(size):
        raise InputError(f"{path}: {CUT}")
    return content


def unpack(path: Path, manifest: BundleManifest, target: Path | None) -> None:
    """Unpack the parts of a tar into a new directory, each compared with the manifest; nothing else is unpacked.

    Args:
        path: the tar.
        manifest: its manifest.
        target: the directory; None to compare only.

    Raises:
        InputError: a byte of it is not what the manifest says.
    """
    parts, moved = _in_order(manifest), 0
    progress = TransferProgress(f"verifying {path.name}", sum(part.size for part in parts))
    with opened_file(path) as file:
        read_head(file, path)
        for part in parts:
            if _next(file, len(header(part.path, part.size)), path) != header(part.path, part.size):
                raise InputError(altered(path, part))
            _unpack_part(file, part, target, path)
            moved += part.size
            progress(moved)
        if _next(file, len(END), path) != END or file.read(1):
            raise InputError(
                f"{path}: something follows its last part, so it was altered; copy it again, or make it again"
            )


def _unpack_part(file: BinaryIO, part: Part, target: Path | None, path: Path) -> None:
    place = target / part.path if target else Path(os.devnull)
    place.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), part.size
    with place.open("xb" if target else "wb") as out:
        while left and (piece := file.read(min(CHUNK, left))):
            left -= len(piece)
            digest.update(piece)
            out.write(piece)
    if left:
        raise InputError(f"{path}: {CUT}")
    if digest.hexdigest() != part.sha256 or _next(file, len(padding(part.size)), path) != padding(part.size):
        raise InputError(altered(path, part))


def _next(file: BinaryIO, size: int, path: Path) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise InputError(f"{path}: {CUT}")
    return found


def copy_hashed(source: BinaryIO, write: Callable[[bytes], object]) -> str:
    """Copy a stream, and return its SHA-256."""
    digest = hashlib.sha256()
    while piece := source.read(CHUNK):
        digest.update(piece)
        write(piece)
    return digest.hexdigest()


def altered(bundle: Path, part: Part) -> str:
    """Return the message about a part that is not what the manifest says."""
    return (
        f"{bundle}: {part.path} is not what its manifest says (sha256 {part.sha256[:12]}...); it was altered or "
        "damaged: copy the bundle again, or make it again"
    )


def remove_tree(path: Path) -> None:
    """Remove a directory with everything in it, if it is there."""
    rmtree(path, ignore_errors=True)
