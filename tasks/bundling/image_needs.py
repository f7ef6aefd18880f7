"""The images that a bundle brings from other registries, or from archives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nornir.core.inventory import Host

from moor.settings import settings_of
from moor.tasks.images.origin import Origin
from moor.tasks.images.settings import Images, Upstream, brings_signatures
from moor.tasks.images.upstream_answers import origins_of, upstream_of


@dataclass(frozen=True)
class ImageNeed:
    """An image that is brought from another registry or an archive.

    Attributes:
        host: whose inventory says by which login.
        key: of cosign's, by which it must be signed; None if it need not be.
        signatures: whether what is attached to it comes along.
    """

    name: str
    origin: Origin
    host: Host
    platforms: tuple[str, ...] = ()
    key: Path | None = None
    signatures: bool = True


def image_needs(host: Host) -> Iterator[ImageNeed]:
    """Yield the images that a host brings from elsewhere."""
    sources = settings_of(host, Images).by_name
    for name, origin in origins_of(host).items():
        source = sources[name]
        upstream = Upstream() if origin.is_archive else upstream_of(host, origin.place)
        along = not origin.is_archive and brings_signatures(source, upstream)
        yield ImageNeed(name, origin, host, source.platforms, source.key or upstream.key, along)
