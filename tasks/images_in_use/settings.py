"""The settings of the check of images in use."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, ClassVar

from pydantic import Field

from moor.settings import Section

RegistryPattern = Annotated[str, Field(pattern=r"^[A-Za-z0-9.*?:\[\]-]+$")]


class ImagesInUse(Section):
    """Which registries are not asked about the images that the cluster names: docs/images.md.

    Attributes:
        skip: list of registries, or patterns, that are not asked
    """

    section: ClassVar[str] = "images_in_use"

    skip: tuple[RegistryPattern, ...] = ()

    def skips(self, registry: str) -> bool:
        """Return whether a registry is not to be asked."""
        return any(fnmatchcase(registry, pattern) for pattern in self.skip)
