"""Images of a bundle: an OCI layout, read for one image as docker load takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from moor.errors import InputError
from moor.formats.nesting import parse_json
from moor.tasks.bundle.manifest import BLOBS
from moor.tasks.bundle.opened import OpenBundle
from moor.tasks.bundle.tar_stream import Entry, TarStream

LARGEST = 4 * 1024 * 1024  # bytes of a manifest or an image's configuration, the limit of registries too


@dataclass(frozen=True)
class BundledArchive:
    """An image of one platform in a bundle, as an archive of docker save."""

    bundle: OpenBundle
    name: str

    @property
    def image_id(self) -> str:
        """Return the image's id: the hash of its configuration."""
        return str(self._manifest()["config"]["digest"])

    def open(self) -> BinaryIO:
        """Return the archive, which is made while it is read."""
        return cast(BinaryIO, TarStream(self._entries()))

    def _entries(self) -> Iterator[Entry]:
        manifest = self._manifest()
        config = self._blob(manifest["config"]["digest"], "json")
        layers = {layer["digest"]: self._blob(layer["digest"], "tar") for layer in manifest["layers"]}
        listed = {
            "Config": config.name,
            "RepoTags": [self.name],
            "Layers": [layers[layer["digest"]].name for layer in manifest["layers"]],
        }
        yield Entry("manifest.json", json.dumps([listed]).encode())
        yield config
        yield from layers.values()

    def _manifest(self) -> Mapping[str, Any]:
        found = self.bundle.manifest.images[self.name]
        content = self._read(found.digest)
        if "config" not in content:
            raise InputError(
                f"{self.bundle.name}: {self.name} is an index of several platforms, and docker load takes one; "
                "name it below data.images with from, so that it is copied as it is"
            )
        return content

    def _read(self, digest: str) -> Mapping[str, Any]:
        path = self.bundle.places[self._path(digest)]
        try:
            with path.open("rb") as file:
                found = parse_json(file.read(LARGEST))
            if isinstance(found, dict):
                return found
        except ValueError:
            pass
        raise InputError(f"{self.bundle.name}: {self._path(digest)} is no manifest of an image; make the bundle again")

    def _blob(self, digest: str, suffix: str) -> Entry:
        part = self.bundle.part(self._path(digest))
        return Entry(f"{part.sha256}.{suffix}", self.bundle.places[part.path], part.sha256, part.path)

    def _path(self, digest: str) -> str:
        return self.bundle.part(f"{BLOBS}/{str(digest).partition(':')[2]}").path
