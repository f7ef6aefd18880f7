"""Images that the host's bundle has, in place of the archives and registries that the inventory names."""

from __future__ import annotations

from pathlib import Path

from nornir.core.inventory import Host

from moor.settings import prefix_errors
from moor.tasks.images.archive import ArchiveFile, ImageArchive
from moor.tasks.images.layout import Held
from moor.tasks.images.origin import Origin


def archive_of(host: Host, name: str, path: Path) -> ImageArchive:
    """Return the archive of an image: the bundle's, or the file of the inventory.

    Raises:
        InputError: it cannot be read, or the bundle was altered.
    """
    found: ImageArchive = ArchiveFile(path)
    if host.data.get("bundle") is not None:
        from moor.tasks.bundle.oci import BundledArchive
        from moor.tasks.bundle.opened import bundle_of

        bundle = bundle_of(host)
        if bundle and name in bundle.manifest.images:
            found = BundledArchive(bundle, name)
    with prefix_errors(f"data.images.{name}.archive"):
        found.image_id  # noqa: B018 - raises before anything is changed
    return found


def layout_of(host: Host, name: str) -> tuple[Origin, tuple[Path, Held]] | None:
    """Return the layout in which the bundle has an image of others, and the image's digest; None if it has not.

    Raises:
        InputError: the bundle was altered.
    """
    if host.data.get("bundle") is None:
        return None
    from moor.tasks.bundle.opened import bundle_of

    bundle = bundle_of(host)
    if bundle is None or name not in bundle.manifest.images:
        return None
    held = Held("digest", bundle.manifest.images[name].digest)
    return Origin("oci", str(bundle.folder), tag=name), (bundle.folder, held)
