"""Images that the host's bundle has, in place of the archives and registries that the inventory names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nornir.core.inventory import Host

from moor.settings import prefix_errors
from moor.tasks.attached import Attachments
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


@dataclass(frozen=True)
class Carried:
    """An image of others in the bundle.

    Attributes:
        origin: the bundle's OCI layout
        held: the image's digest
        attached: what the bundle has attached to it; None if nobody asked for that when it was made
    """

    origin: Origin
    folder: Path
    held: Held
    attached: Attachments | None


def carried_image(host: Host, name: str, key: Path | None) -> Carried | None:
    """Return an image of others that the bundle has; None if it has not.

    Args:
        key: of cosign's, by which it must be signed; the signature is verified here, without a network

    Raises:
        InputError: the bundle was altered, or has no valid signature of the image
    """
    if host.data.get("bundle") is None:
        return None
    from moor.tasks.bundle.attached import attached_in, refuse_unsigned
    from moor.tasks.bundle.opened import bundle_of

    bundle = bundle_of(host)
    if bundle is None or name not in bundle.manifest.images:
        return None
    image = bundle.manifest.images[name]
    if key:
        with prefix_errors(f"data.images.{name}.key"):
            refuse_unsigned(bundle, image, key)
    held = Held("digest", image.digest)
    return Carried(Origin("oci", str(bundle.folder), tag=name), bundle.folder, held, attached_in(bundle, image))
