"""Archives of docker save in a bundle: each layer once, under its hash, and a manifest that keeps the image's id."""

from __future__ import annotations

import hashlib
import json
import lzma
import zlib
from collections.abc import Mapping
from gzip import BadGzipFile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from moor.errors import InputError
from moor.formats.nesting import parse_json
from moor.lazy_imports import tarfile
from moor.tasks.bundle.manifest import BLOBS
from moor.tasks.bundle.tar_file import CHUNK
from moor.tasks.bundling.workshop import Workshop
from moor.tasks.images.archive import JSON_ERRORS, LARGEST

if TYPE_CHECKING:
    from tarfile import TarFile, TarInfo

OCI = "application/vnd.oci.image"
GZIP = b"\x1f\x8b"
MOST_LINKS = 8
NOT_AN_ARCHIVE = (EOFError, zlib.error, lzma.LZMAError, BadGzipFile, *JSON_ERRORS)


def take_archive(archive: Path, workshop: Workshop) -> dict[str, object]:
    """Put the image of an archive into the bundle's layout, and return the descriptor of its manifest.

    Raises:
        InputError: the archive is missing or malformed, or a layer is not what its configuration says.
    """
    try:
        config, layers = _contents(archive, workshop)
    except FileNotFoundError:
        raise InputError(f"no such file: {archive}; docker save makes one") from None
    except NOT_AN_ARCHIVE as error:
        raise InputError(f"{archive}: not an archive of one image, as docker save makes it: {error}") from error
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": _descriptor(f"{OCI}.config.v1+json", _put(config, workshop), len(config)),
        "layers": layers,
    }
    content = json.dumps(manifest, separators=(",", ":")).encode()
    return _descriptor(str(manifest["mediaType"]), _put(content, workshop), len(content))


def _contents(archive: Path, workshop: Workshop) -> tuple[bytes, list[dict[str, object]]]:
    """Return the configuration of the image in an archive, and descriptors of its layers, which are put in place."""
    try:
        with tarfile.open(archive) as tar:
            (image,) = parse_json(_small(tar, "manifest.json"))
            config = _small(tar, image["Config"])
            pairs = zip(image["Layers"], parse_json(config)["rootfs"]["diff_ids"], strict=True)
            return config, [_layer(tar, str(name), str(diff_id), workshop) for name, diff_id in pairs]
    except tarfile.TarError as error:
        raise ValueError(str(error)) from error


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}


def _put(content: bytes, workshop: Workshop) -> str:
    digest = hashlib.sha256(content).hexdigest()
    workshop.write(f"{BLOBS}/{digest}", content)
    return digest


def _layer(tar: TarFile, name: str, diff_id: str, workshop: Workshop) -> dict[str, object]:
    """Put a layer into the layout unless it is there, and return its descriptor."""
    entry = _resolved(tar, name)
    known = workshop.blobs / diff_id.removeprefix("sha256:")
    same_size = known.is_file() and known.stat().st_size == entry.size
    if same_size and workshop.part(f"{BLOBS}/{known.name}", "").sha256 == known.name:
        return _descriptor(f"{OCI}.layer.v1.tar", known.name, entry.size)
    draft = workshop.scratch / "layer"
    with cast(IO[bytes], tar.extractfile(entry)) as source, draft.open("wb") as out:
        first = source.read(CHUNK)
        packed, digest = first[:2] == GZIP, hashlib.sha256(first)
        out.write(first)
        while piece := source.read(CHUNK):
            digest.update(piece)
            out.write(piece)
    found = digest.hexdigest()
    if not packed and f"sha256:{found}" != diff_id:
        raise ValueError(f"{name} is not the layer {diff_id} of its configuration; the archive is damaged")
    draft.replace(workshop.blobs / found)
    workshop.note(f"{BLOBS}/{found}", found)
    return _descriptor(f"{OCI}.layer.v1.tar{'+gzip' if packed else ''}", found, entry.size)


def _resolved(tar: TarFile, name: str) -> TarInfo:
    """Return the file that a name of an archive leads to; docker save of former years links equal layers."""
    for _ in range(MOST_LINKS):
        entry = tar.getmember(name)
        if entry.isreg():
            return entry
        if not entry.issym():
            break
        base = Path("/", name).parent / entry.linkname
        name = str(Path(*_without_dots(base.parts[1:])))
    raise ValueError(f"{name} is no file")


def _without_dots(parts: tuple[str, ...]) -> list[str]:
    kept: list[str] = []
    for part in parts:
        if part == "..":
            kept = kept[:-1]
        elif part != ".":
            kept.append(part)
    return kept


def _small(tar: TarFile, name: str) -> bytes:
    entry = _resolved(tar, name)
    if entry.size > LARGEST:
        raise ValueError(f"{name} has {entry.size} bytes, too many for an image's description")
    with cast(IO[bytes], tar.extractfile(entry)) as file:
        return file.read()


def blobs_of(descriptor: Mapping[str, Any], workshop: Workshop) -> set[str]:
    """Return the hashes of all blobs that a descriptor leads to, itself included.

    Raises:
        InputError: one of them is not there.
    """
    digest = str(descriptor["digest"]).removeprefix("sha256:")
    path = workshop.blobs / digest
    if not path.is_file():
        raise InputError(f"{path}: a blob of an image is missing; run moor bundle create again")
    media_type = str(descriptor.get("mediaType", ""))
    if not ("manifest" in media_type or "index" in media_type):
        return {digest}
    content = parse_json(path.read_bytes())
    below = [
        *content.get("manifests", ()),
        *content.get("layers", ()),
        *([content["config"]] if "config" in content else ()),
    ]
    return {digest}.union(*(blobs_of(one, workshop) for one in below))
