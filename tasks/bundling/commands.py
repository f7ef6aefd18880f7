"""What ``moor bundle`` needs of its runbook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nornir.core import Nornir

from moor.errors import InputError
from moor.run.protocols.bundling import BundleRow, BundleView
from moor.tasks.bundle.attached import fault_of, read_part
from moor.tasks.bundle.manifest import BLOBS, BundleManifest, parse_manifest
from moor.tasks.bundle.opened import read_manifest, verified_manifest
from moor.tasks.bundle.settings import Bundle
from moor.tasks.bundle.signature import verify
from moor.tasks.bundling.lacking import lacking
from moor.tasks.bundling.make import Order, make, shown
from moor.tasks.bundling.needs import Needs, bundle_settings, needs_of

TITLES = {
    "installer": "Harbor's installer",
    "image": "images",
    "packages": "packages",
    "chart": "charts",
    "moor": "moor",
}


@dataclass(frozen=True)
class SiteBundle:
    """The commands of a site's bundle."""

    def create(self, nr: Nornir, target: Path | None, since: Path | None, without: Sequence[str]) -> BundleView:
        """Make a bundle; see ``moor.run.protocols.bundling.Bundles``."""
        needs = needs_of(nr)
        place = _place(needs.settings, target)
        return _view(place, make(needs, Order(place, since, frozenset(without))), needs)

    def check(self, nr: Nornir, files: Sequence[Path]) -> BundleView:
        """Verify a bundle and compare it with the inventory; see ``moor.run.protocols.bundling.Bundles``."""
        needs = needs_of(nr)
        chosen = tuple(files) or needs.settings.file or (_place(needs.settings, None),)
        places = [path.expanduser().absolute() for path in chosen]
        manifests = [verified_manifest(path, needs.settings.key) for path in places]
        refuse_unsigned(needs, places, manifests)
        return _view(chosen[-1], manifests[-1], needs)

    def show(self, nr: Nornir, file: Path | None) -> BundleView:
        """Read a bundle's manifest; see ``moor.run.protocols.bundling.Bundles``."""
        settings = bundle_settings(nr)
        place = _place(settings, file)
        content, signature = read_manifest(place)
        verify(content, signature, settings.key, str(place))
        return _view(place, parse_manifest(content.decode("utf-8", "replace"), str(place)), None)


def refuse_unsigned(needs: Needs, places: Sequence[Path], manifests: Sequence[BundleManifest]) -> None:
    """Raise InputError unless every image that must be signed by a key is, by a signature in the bundle."""

    def read(digest: str) -> bytes:
        path = f"{BLOBS}/{digest.partition(':')[2]}"
        for place, manifest in zip(places, manifests, strict=True):
            part = manifest.by_path.get(path)
            if part and not part.elsewhere:
                return read_part(place, part)
        raise InputError(f"{places[-1]}: {path} is in the bundle that it was made since; name that one before it")

    signed = [need for need in needs.brought if need.key and not need.platforms and not need.origin.is_archive]
    for need in signed:
        image = manifests[-1].images.get(need.name)
        if need.key and image and image.attached is not None and (fault := fault_of(image, need.key, read)):
            raise InputError(f"{places[-1]}: data.images.{need.name}.key: {fault}")


def _place(settings: Bundle, named: Path | None) -> Path:
    if named is not None:
        return named.expanduser().absolute()
    if settings.file:
        return settings.file[-1]
    raise InputError("no bundle is named; write its path behind the command, or data.bundle.file into the inventory")


def _view(place: Path, manifest: BundleManifest, needs: Needs | None) -> BundleView:
    return BundleView(
        path=place,
        rows=tuple(_rows(manifest)),
        lacking=tuple(lacking(needs, manifest)) if needs else (),
        created=manifest.created,
        moor=manifest.moor,
        since=manifest.since,
        document=shown(manifest),
    )


def _rows(manifest: BundleManifest) -> Iterator[BundleRow]:
    for kind, title in TITLES.items():
        parts = manifest.of_kind(kind)
        here = [part for part in parts if not part.elsewhere]
        what: Sequence[str] = [part.path.rpartition("/")[2] for part in parts]
        if kind == "image":
            what = sorted(manifest.images)
        elif kind == "chart":
            what = sorted(manifest.charts)
        elif kind == "packages":
            what = [
                f"{release}: {' '.join(names)}"
                for release, found in sorted(manifest.packages.items())
                for names in found.sets
            ]
        elif kind == "moor":
            what = [name for name in what if name.startswith("moor_fleet-")] or what
        if parts or kind in manifest.left_out:
            yield BundleRow(title, len(here), sum(part.size for part in here), len(parts) - len(here), tuple(what))
