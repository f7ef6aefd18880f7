"""The making of a bundle: every kind of part collected, then the manifest, its signature, and the tar."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moor.errors import InputError
from moor.formats.nesting import parse_json
from moor.settings import SecretRef
from moor.tasks.bundle.manifest import (
    BLOBS,
    KINDS,
    MANIFEST,
    OCI_INDEX,
    OCI_LAYOUT,
    SIGNATURE,
    BundledImage,
    BundledPackages,
    BundleManifest,
    Part,
    changed_since,
    id_of,
    parse_manifest,
)
from moor.tasks.bundle.opened import alone_in, read_manifest
from moor.tasks.bundle.signature import sign
from moor.tasks.bundle.tar_file import pack, remove_tree
from moor.tasks.bundling.archives import blobs_of, take_archive
from moor.tasks.bundling.brought import missing_tools, take_image
from moor.tasks.bundling.debs import collect_debs, is_available
from moor.tasks.bundling.needs import Needs, PackageNeed
from moor.tasks.bundling.rpms import collect_rpms
from moor.tasks.bundling.wheels import collect_wheels, requirements
from moor.tasks.bundling.workloads import collect_charts
from moor.tasks.bundling.workshop import SCRATCH, Workshop, find_tool, tell
from moor.version import moor_version

FILES = (".tar", ".bundle")  # the suffixes of a bundle that is one file; any other name is a directory
PARTS = ".parts"  # the suffix of the directory in which one file is made


@dataclass(frozen=True)
class Order:
    """What a making is asked for.

    Attributes:
        target: the bundle, a file if its suffix is one of ``FILES``.
        since: the bundle whose parts are left out.
        without: kinds of parts that are left out.
    """

    target: Path
    since: Path | None = None
    without: frozenset[str] = frozenset()

    @property
    def is_file(self) -> bool:
        return self.target.suffix in FILES

    @property
    def folder(self) -> Path:
        """Return the directory in which the bundle is made."""
        return self.target.with_name(f"{self.target.name}{PARTS}") if self.is_file else self.target


def refuse(needs: Needs, order: Order) -> None:
    """Raise InputError with everything that would stop the making, before anything is fetched."""
    if found := list(dict.fromkeys(_faults(needs, order))):
        raise InputError("\n".join(found))


def _faults(needs: Needs, order: Order) -> Iterator[str]:
    if unknown := order.without - {*KINDS}:
        yield f"--without {', '.join(sorted(unknown))}: there are {', '.join(KINDS)}"
    if order.is_file and order.target.is_dir():
        yield f"{order.target}: a directory has this name; write another one"
    if not order.is_file and order.folder.is_dir() and not _is_ours(order.folder):
        yield f"{order.folder}: the directory holds something else; name a new one, or a file that ends in .bundle"
    if order.since and not order.since.exists():
        yield f"--since {order.since}: no such file or directory"
    if "installer" not in order.without and needs.installer and not needs.installer.is_file():
        yield f"data.harbor.installer: no such file: {needs.installer}; download it to there, the bundle takes it along"
    if "image" not in order.without:
        for name, source in needs.images.items():
            if source.archive and not source.archive.is_file():
                yield f"data.images.{name}.archive: no such file: {source.archive}; docker save makes one"
        yield from missing_tools(needs.brought)
    if "chart" not in order.without and needs.charts:
        yield from filter(None, [find_tool("helm", "charts of other registries are pulled by it")])
    if "packages" not in order.without:
        for need in needs.packages.values():
            yield from _missing_tools(need)
    if "moor" not in order.without:
        try:
            requirements()
        except InputError as error:
            yield str(error)


def _is_ours(folder: Path) -> bool:
    return (folder / MANIFEST).exists() or (folder / SCRATCH).exists() or not any(folder.iterdir())


def _missing_tools(need: PackageNeed) -> Iterator[str]:
    release, sources = need.sources.release, need.sources.sources
    why = f"packages of {release} need it here; or leave them out by --without packages"
    if sources and sources.suffix == ".repo":
        yield from filter(None, (find_tool("dnf", why), find_tool("createrepo_c", why)))
    elif not is_available():
        yield find_tool("apt-get", why) or f"apt-get does not work on this machine, and {why}"


def make(needs: Needs, order: Order) -> BundleManifest:
    """Make a bundle, going on with what is there of an earlier making; return its manifest.

    Raises:
        MoorError: what is needed cannot be had; what was collected stays for the next making.
    """
    refuse(needs, order)
    old = _old(order)
    workshop = Workshop(order.folder)
    order.folder.mkdir(parents=True, exist_ok=True)
    with alone_in_folder(order.folder):
        for name in (MANIFEST, SIGNATURE):  # so that nothing passes for whole until it is
            (order.folder / name).unlink(missing_ok=True)
        workshop.open()
        _borrow(order, old, workshop)
        try:
            manifest = _collect(needs, order, old, workshop)
        finally:
            workshop.save()
        _finish(needs, order, manifest, workshop)
    return manifest


def alone_in_folder(folder: Path) -> Any:
    """Keep other makings of the same bundle out during the block."""
    return alone_in(folder / SCRATCH)


def _old(order: Order) -> tuple[BundleManifest, str] | None:
    if order.since is None:
        return None
    text = read_manifest(order.since)[0].decode("utf-8", "replace")
    return parse_manifest(text, str(order.since)), id_of(text)


def _borrow(order: Order, old: tuple[BundleManifest, str] | None, workshop: Workshop) -> None:
    """Link blobs and packages of the older bundle, if it is a directory, so that they are not fetched again."""
    if old is None or order.since is None or not order.since.is_dir():
        return
    for part in old[0].parts:
        place = workshop.folder / part.path
        if part.kind in ("image", "packages") and not place.exists() and (order.since / part.path).is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(order.since / part.path, place)
            except OSError:  # on another file system
                shutil.copyfile(order.since / part.path, place)


def _collect(needs: Needs, order: Order, old: tuple[BundleManifest, str] | None, workshop: Workshop) -> BundleManifest:
    images: dict[str, BundledImage] = {}
    charts: dict[str, str] = {}
    collectors: dict[str, Callable[[], list[Part]]] = {
        "installer": lambda: _installer(needs, workshop),
        "image": lambda: _images(needs, workshop, images),
        "packages": lambda: _packages(needs, workshop),
        "chart": lambda: _charts(needs, workshop, charts),
        "moor": lambda: collect_wheels(needs.settings, workshop),
    }
    parts: list[Part] = []
    for kind, collect in collectors.items():
        if kind not in order.without:
            parts += collect()
            workshop.save()
    if old:
        parts = changed_since(parts, old[0])
    packages = {release: BundledPackages(need.sets) for release, need in needs.packages.items()}
    return BundleManifest(
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        moor=moor_version(),
        parts=tuple(sorted(parts)),
        images=images,
        packages={} if "packages" in order.without else packages,
        charts=charts,
        left_out=tuple(sorted(order.without)),
        since=old[1] if old else "",
    )


def _installer(needs: Needs, workshop: Workshop) -> list[Part]:
    if needs.installer is None:
        return []
    path = f"installer/{needs.installer.name}"
    tell(f"Harbor's installer: {needs.installer.name}")
    found = workshop.copy_in(needs.installer, path)
    if needs.sha256 not in (None, found):
        (workshop.folder / path).unlink()
        raise InputError(
            f"{needs.installer}: not the file that data.harbor.sha256 names, {needs.sha256}; download it again, or "
            "correct sha256"
        )
    workshop.keep_only("installer", [needs.installer.name])
    return [workshop.part(path, "installer")]


def _images(needs: Needs, workshop: Workshop, images: dict[str, BundledImage]) -> list[Part]:
    descriptors: dict[str, dict[str, object]] = {}
    for name, source in needs.images.items():
        if source.archive:
            tell(f"image {name}: from {source.archive.name}")
            descriptors[name] = take_archive(source.archive, workshop)
            images[name] = BundledImage(str(descriptors[name]["digest"]), source.archive.name)
    for need in needs.brought:
        taken = take_image(need, workshop)
        descriptors |= taken.named(need.name)
        attached = None if taken.attached is None else tuple(sorted(taken.attached))
        images[need.name] = BundledImage(str(taken.descriptor["digest"]), str(need.origin), attached)
        workshop.save()
    blobs = set[str]().union(*(blobs_of(one, workshop) for one in descriptors.values()))
    workshop.write_index(descriptors)
    workshop.keep_only(BLOBS, sorted(blobs))
    paths = [OCI_LAYOUT, OCI_INDEX, *(f"{BLOBS}/{blob}" for blob in sorted(blobs))]
    parts = [workshop.part(path, "image") for path in paths]
    for part in parts:
        if part.path.startswith(BLOBS) and not part.path.endswith(part.sha256):
            (workshop.folder / part.path).unlink()
            raise InputError(f"{workshop.folder / part.path}: it was damaged, and is removed; run again")
    return parts


def _charts(needs: Needs, workshop: Workshop, charts: dict[str, str]) -> list[Part]:
    if not needs.charts:
        return []
    paths, parts = collect_charts(needs.charts, workshop)
    charts |= paths
    return parts


def _packages(needs: Needs, workshop: Workshop) -> list[Part]:
    parts: list[Part] = []
    for release, need in sorted(needs.packages.items()):
        is_rpm = need.sources.sources is not None and need.sources.sources.suffix == ".repo"
        parts += (collect_rpms if is_rpm else collect_debs)(release, need, workshop)
    return parts


def _finish(needs: Needs, order: Order, manifest: BundleManifest, workshop: Workshop) -> None:
    """Write the manifest and its signature, remove what is no part, and write the tar where one is wanted."""
    here = {part.path for part in manifest.parts if not part.elsewhere}
    folder = workshop.folder
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and name not in here and not name.startswith(f"{SCRATCH}/"):
            path.unlink()
    _remove_empty(folder)
    draft = workshop.scratch / MANIFEST
    draft.write_text(manifest.text())
    if needs.settings.sign is not None:
        key: SecretRef | str = needs.settings.sign
        sign(draft, folder / SIGNATURE, key, needs.settings.key)
    draft.replace(folder / MANIFEST)
    if order.is_file:
        tell(f"writing {order.target}")
        pack(folder, manifest, order.target, workshop.versions)
        remove_tree(folder)
    else:
        workshop.close()


def _remove_empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and path.name != SCRATCH:
            with suppress(OSError):  # not empty
                path.rmdir()


def shown(manifest: BundleManifest) -> str:
    """Return a manifest as JSON for programs."""
    return json.dumps(parse_json(manifest.text()), indent=2)
