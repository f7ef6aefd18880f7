"""What a bundle lacks of what an inventory needs; pure, but for the files of images that are compared."""

from __future__ import annotations

from collections.abc import Iterator

from moor.tasks.bundle.manifest import BundleManifest
from moor.tasks.bundling.needs import Needs
from moor.tasks.workload.carried_chart import chart_name


def lacking(needs: Needs, manifest: BundleManifest) -> list[str]:
    """Return a line for each thing that hosts would miss."""
    return list(dict.fromkeys(_lacking(needs, manifest)))


def _lacking(needs: Needs, manifest: BundleManifest) -> Iterator[str]:
    yield from (f"{kind}: left out by --without when the bundle was made" for kind in manifest.left_out)
    paths = manifest.by_path
    if needs.installer and "installer" not in manifest.left_out:
        found = paths.get(f"installer/{needs.installer.name}")
        if found is None:
            yield f"data.harbor.installer: {needs.installer.name} is not in it"
        elif needs.sha256 not in (None, found.sha256):
            yield f"data.harbor.sha256: its {needs.installer.name} is another file (sha256 {found.sha256})"
    for name, source in needs.images.items() if "image" not in manifest.left_out else ():
        if (source.archive or source.origin) and name not in manifest.images:
            yield f"data.images.{name}: the image is not in it"
    for image in needs.brought if "image" not in manifest.left_out else ():
        held = manifest.images.get(image.name)
        if held and not image.origin.is_archive and held.source != str(image.origin):
            yield f"data.images.{image.name}.from: it has the one of {held.source}, not of {image.origin}"
        if held and held.attached is None and (image.signatures or image.key) and not image.origin.is_archive:
            yield f"data.images.{image.name}: nobody asked for its signatures when the bundle was made; make it again"
    for chart in needs.charts if "chart" not in manifest.left_out else ():
        if chart_name(chart) not in manifest.charts:
            yield f"data.workloads: the chart {chart_name(chart)} is not in it"
    yield from needs.silent if "packages" not in manifest.left_out else ()
    yield from needs.missing if "image" not in manifest.left_out else ()
    for release, need in needs.packages.items() if "packages" not in manifest.left_out else ():
        there = manifest.packages.get(release)
        absent = [name for names in need.sets if there is None or names not in there.sets for name in names]
        if absent:
            yield f"data.bundle.packages: {release}: not in it: {', '.join(dict.fromkeys(absent))}"
    if "moor" not in manifest.left_out and not manifest.of_kind("moor"):
        yield "moor: its wheels are not in it"
