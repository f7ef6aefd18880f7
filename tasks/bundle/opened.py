"""Opening a bundle: its signature first, then every part; what was verified once is not read again until it changes."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from threading import Lock

from nornir.core.inventory import Host

from moor.context import site_of
from moor.errors import InputError
from moor.formats.nesting import parse_json
from moor.progress import TransferProgress
from moor.resources.hashed_file import FileVersion
from moor.secrets import private_files
from moor.settings import optional_settings_of, prefix_errors
from moor.tasks.bundle.manifest import (
    LARGEST,
    MANIFEST,
    SIGNATURE,
    BundleManifest,
    Part,
    id_of,
    parse_manifest,
)
from moor.tasks.bundle.settings import Bundle
from moor.tasks.bundle.signature import verify
from moor.tasks.bundle.tar_file import altered, copy_hashed, opened_file, read_head, remove_tree, unpack

STORE = "bundle"  # below the site's state
VERIFIED = "verified.json"
_lock = Lock()
_opened: dict[tuple[object, ...], OpenBundle] = {}


@dataclass(frozen=True)
class OpenBundle:
    """A verified bundle.

    Attributes:
        places: the file of each part, by its path in the bundle.
        folder: a directory with all parts, which is an OCI layout.
        name: of the bundle, for messages.
    """

    manifest: BundleManifest
    places: Mapping[str, Path]
    folder: Path
    name: str

    def __hash__(self) -> int:
        return hash(self.name)

    def part(self, path: str) -> Part:
        """Return the part at a path; raise InputError if there is none."""
        found = self.manifest.by_path.get(path)
        if found is None:
            raise InputError(f"{self.name}: it has no {path}; make the bundle again")
        return found


def bundle_of(host: Host) -> OpenBundle | None:
    """Return the host's bundle, verified; None if ``data.bundle`` names no file.

    Raises:
        InputError: it is not there, not signed by the key, or a part of it was altered.
    """
    settings = optional_settings_of(host, Bundle)
    if settings is None or not settings.file:
        return None
    with prefix_errors("data.bundle.file"):
        return open_bundle(settings.file, settings.key, site_of(host).state / STORE)


def open_bundle(files: Sequence[Path], key: str, store: Path) -> OpenBundle:
    """Return a verified bundle, opened once a process as long as its files stay the same.

    Args:
        files: the bundle; several if one was made since another, the last one last.
        key: the public key that must have signed it; empty if no signature is wanted.
        store: a directory of moor's own, in which files are unpacked.
    """
    with _lock:
        known = (tuple(files), key, *map(_version, files))
        if known not in _opened:
            _opened[known] = _joined([_open_one(file, key, store) for file in files], store)
        return _opened[known]


def _version(file: Path) -> object:
    with suppress(OSError):
        status = (file / MANIFEST if file.is_dir() else file).stat()
        return FileVersion.of(status)
    return None


@dataclass(frozen=True)
class _One:
    """One file or directory of a bundle, verified."""

    path: Path
    manifest: BundleManifest
    id: str
    folder: Path


def read_manifest(path: Path) -> tuple[bytes, bytes | None]:
    """Return the manifest of a bundle, a file or a directory, and its signature; parts are not looked at."""
    if not path.is_dir():
        with opened_file(path) as file:
            return read_head(file, path)
    try:
        with (path / MANIFEST).open("rb") as file:
            content = file.read(LARGEST)
    except FileNotFoundError:
        words = f"{path}: no {MANIFEST} in it, so it is no bundle, or its making was cut short"
        raise InputError(f"{words}; run moor bundle create {path} again") from None
    signature = path / SIGNATURE
    return content, signature.read_bytes() if signature.is_file() else None


def verified_manifest(path: Path, key: str) -> BundleManifest:
    """Return the manifest of a bundle, after comparing its signature and every byte of it; nothing is unpacked.

    Raises:
        InputError: it is not there, not signed by the key, or a part of it was altered.
    """
    content, signature = read_manifest(path)
    verify(content, signature, key, str(path))
    manifest = parse_manifest(content.decode("utf-8", "replace"), str(path))
    if path.is_dir():
        _compare(path, path, [part for part in manifest.parts if not part.elsewhere])
    else:
        unpack(path, manifest, None)
    return manifest


def _open_one(path: Path, key: str, store: Path) -> _One:
    content, signature = read_manifest(path)
    verify(content, signature, key, str(path))
    text = content.decode("utf-8", "replace")
    manifest, name = parse_manifest(text, str(path)), id_of(text)
    if path.is_dir():
        _verify_parts(path, path, manifest, name, store)
        return _One(path, manifest, name, path)
    folder = store / name[:32]
    with suppress(OSError, ValueError):
        if parse_json((store / f"{name[:32]}.from").read_text()) == list(astuple(FileVersion.of(path.stat()))):
            _verify_parts(path, folder, manifest, name, store)
            return _One(path, manifest, name, folder)
    _unpack(path, manifest, folder, store)
    _remember(folder, manifest, name, store)
    return _One(path, manifest, name, folder)


def _unpack(path: Path, manifest: BundleManifest, folder: Path, store: Path) -> None:
    """Unpack a file beside its place, and put it there when all of it is verified."""
    version = FileVersion.of(path.stat())
    draft = folder.with_name(f"{folder.name}.draft")
    with alone_in(store):
        remove_tree(draft)
        draft.mkdir(mode=0o700)
        try:
            unpack(path, manifest, draft)
            remove_tree(folder)
            draft.rename(folder)
        finally:
            remove_tree(draft)
    private_files.write(folder.with_name(f"{folder.name}.from"), json.dumps(astuple(version)).encode())


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process works in a directory of moor's own, and keep others out during the block."""
    private_files.make_directory(folder)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _verify_parts(path: Path, folder: Path, manifest: BundleManifest, name: str, store: Path) -> None:
    """Compare the parts in a directory with the manifest; those that have not changed since the last time are known."""
    known = _known(store / f"{name[:32]}.{VERIFIED}")
    parts = [part for part in manifest.parts if not part.elsewhere]
    unread = [part for part in parts if known.get(part.path) != _version_of(folder, part, path)]
    _compare(path, folder, unread)
    if unread:
        _remember(folder, manifest, name, store)


def _compare(path: Path, folder: Path, parts: Sequence[Part]) -> None:
    """Raise InputError unless each part of a directory is what the manifest says."""
    progress, read = TransferProgress(f"verifying {path.name}", sum(part.size for part in parts)), 0
    for part in parts:
        _version_of(folder, part, path)
        with (folder / part.path).open("rb") as file:
            if os.fstat(file.fileno()).st_size != part.size or copy_hashed(file, len) != part.sha256:
                raise InputError(altered(path, part))
        read += part.size
        progress(read)


def _version_of(folder: Path, part: Part, path: Path) -> list[int]:
    try:
        return list(astuple(FileVersion.of((folder / part.path).stat())))
    except FileNotFoundError:
        raise InputError(f"{path}: {part.path} is missing in it; copy the bundle again") from None


def _known(file: Path) -> dict[str, list[int]]:
    with suppress(OSError, ValueError):
        found = parse_json(file.read_text())
        return found if isinstance(found, dict) else {}
    return {}


def _remember(folder: Path, manifest: BundleManifest, name: str, store: Path) -> None:
    parts = [part for part in manifest.parts if not part.elsewhere]
    versions = {part.path: _version_of(folder, part, folder) for part in parts}
    private_files.make_directory(store)
    private_files.write(store / f"{name[:32]}.{VERIFIED}", json.dumps(versions).encode())


def _joined(found: Sequence[_One], store: Path) -> OpenBundle:
    """Return the bundle that several files make: the last one's manifest, its other parts from those before it."""
    last = found[-1]
    places: dict[str, Path] = {}
    for part in last.manifest.parts:
        places[part.path] = _place(part, last, found[:-1])
    folder = last.folder if all(not part.elsewhere for part in last.manifest.parts) else _links(places, last, store)
    return OpenBundle(replace(last.manifest), places, folder, str(last.path))


def _place(part: Part, last: _One, before: Sequence[_One]) -> Path:
    if not part.elsewhere:
        return last.folder / part.path
    for one in before:
        held = one.manifest.by_path.get(part.path)
        if held and held.sha256 == part.sha256 and not held.elsewhere:
            return one.folder / part.path
    raise InputError(
        f"{last.path}: {part.path} is in the bundle that it was made since ({last.manifest.since[:12]}); name that one "
        "before it: data.bundle.file: [THAT, THIS]"
    )


def _links(places: Mapping[str, Path], last: _One, store: Path) -> Path:
    """Return a directory of links to all parts, as the one of a whole bundle has them."""
    folder = store / f"{last.id[:32]}.joined"
    remove_tree(folder)
    private_files.make_directory(folder)
    for path, place in places.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(place)
    return folder
