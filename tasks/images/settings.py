"""The settings of images: where each comes from, and who the registries are from which they are brought."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from moor.errors import FieldErrors
from moor.settings import Section, SitePath
from moor.settings.section import StrictModel
from moor.tasks.images.origin import PLACE, PLATFORM, TAG, Origin, parse_origin
from moor.tasks.registry.given_logins import Login

IMAGE_NAME = re.compile(r"[a-z0-9._-]+(/[a-z0-9._-]+)*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
REPOSITORY_NAME = re.compile(r"[a-z0-9._-]+(/[a-z0-9._-]+)*")
OF_ORIGIN = ("tags", "platforms", "key", "prune", "signatures")  # what counts with ``from`` alone

UNSET: tuple[object, ...] = ((), None, False)


def check_image_name(name: str) -> str:
    """Return ``name`` if it is PROJECT/REPOSITORY:TAG; raise ValueError otherwise."""
    if not IMAGE_NAME.fullmatch(name):
        raise ValueError(f"{name}: not an image name; write PROJECT/REPOSITORY:TAG, all but TAG in lower case")
    return name


def _check_origin(text: str) -> str:
    parse_origin(text)
    return text


def _check_platform(text: str) -> str:
    if not PLATFORM.fullmatch(text):
        raise ValueError(f"{text}: not a platform; write OS/ARCHITECTURE, such as linux/arm64")
    return text


ImageName = Annotated[str, AfterValidator(check_image_name)]
OriginText = Annotated[str, AfterValidator(_check_origin)]
Platform = Annotated[str, AfterValidator(_check_platform)]
TagName = Annotated[str, Field(pattern=f"^{TAG.pattern}$")]
UpstreamName = Annotated[str, Field(pattern=f"^(?:{PLACE.pattern.replace('(?=.*[.:]|localhost)', '')})$")]


class ImageSource(StrictModel):
    """Where an image comes from: exactly one of the first four.

    Attributes:
        context: directory with a Dockerfile
        archive: file of ``docker save``
        present: image that the workstation's Docker has already
        origin: image of another registry, or of an archive, copied as it is
        login: the one of ``logins`` that pushes it; without it, a robot of its project that may push
        tags: list of tags, where ``from`` has none
        platforms: list such as ``linux/arm64``; all that ``from`` has
        key: file of cosign's public key, by which ``from`` must be signed
        prune: remove tags of the repository that ``tags`` does not list
        signatures: bring signatures, attestations and SBOMs along; by default what the upstream says
    """

    context: SitePath | None = None
    archive: SitePath | None = None
    present: str | None = None
    origin: OriginText | None = Field(default=None, alias="from")
    login: str = ""
    tags: tuple[TagName, ...] = ()
    platforms: tuple[Platform, ...] = ()
    key: SitePath | None = None
    prune: bool = False
    signatures: bool | None = None

    @model_validator(mode="after")
    def _one_source(self) -> ImageSource:
        if sum(source is not None for source in (self.context, self.archive, self.present, self.origin)) != 1:
            raise ValueError("needs exactly one of context, archive, present and from")
        if self.context and not (self.context / "Dockerfile").is_file():
            raise ValueError(f"context: no Dockerfile in {self.context}")
        if faults := list(self._faults()):
            raise FieldErrors([((key,), words) for key, words in faults])
        return self

    def _faults(self) -> list[tuple[str, str]]:
        """Return what does not fit together, each with its key."""
        if self.origin is None:
            return [(key, "counts with from alone") for key in OF_ORIGIN if getattr(self, key) not in UNSET]
        origin, found = parse_origin(self.origin), list[tuple[str, str]]()
        if origin.is_archive:
            words = "counts for an image of a registry alone; an archive is copied whole"
            found += [(key, words) for key in OF_ORIGIN if getattr(self, key) not in UNSET]
        elif self.tags and (origin.tag or origin.digest):
            found.append(("tags", "from has a tag or a digest already; leave it out there"))
        elif not (self.tags or origin.tag or origin.digest):
            found.append(("from", f"no tag; write {origin}:TAG, {origin}@DIGEST, or tags below it"))
        if self.prune and not self.tags and not origin.is_archive:
            found.append(("prune", "counts with tags alone, which lists what stays"))
        if self.key and not self.key.is_file():
            found.append(("key", f"no such file: {self.key}; cosign public-key prints one"))
        return found

    @property
    def parsed_origin(self) -> Origin | None:
        return parse_origin(self.origin) if self.origin else None


class Images(Section):
    """Images by ``PROJECT/REPOSITORY:TAG``, pushed in this order; without ``TAG`` where ``tags`` lists it.

    See docs/pushed-images.md and docs/images-from-upstream.md.
    """

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "images"
    done_on: ClassVar[tuple[str, ...]] = ("workstations",)
    __pydantic_extra__: dict[str, ImageSource]

    @model_validator(mode="after")
    def _names(self) -> Images:
        for name, source in self.__pydantic_extra__.items():
            if not source.tags:
                check_image_name(name)
            elif not REPOSITORY_NAME.fullmatch(name):
                raise ValueError(
                    f"{name}: not the name of a repository; write PROJECT/REPOSITORY, its tags are in tags"
                )
        names = [name for name, _ in self._each()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"named twice: {', '.join(twice)}; leave one of them out")
        return self

    def _each(self) -> list[tuple[str, ImageSource]]:
        return [
            (f"{name}:{tag}" if tag else name, source)
            for name, source in self.__pydantic_extra__.items()
            for tag in source.tags or ("",)
        ]

    @property
    def by_name(self) -> dict[str, ImageSource]:
        """Return the source of each image by PROJECT/REPOSITORY:TAG."""
        return dict(self._each())

    @property
    def by_key(self) -> dict[str, ImageSource]:
        """Return the sources by their keys in the inventory."""
        return dict(self.__pydantic_extra__)


class Upstream(StrictModel):
    """A registry from which images are brought.

    Attributes:
        login: by which it is read
        ca: file of the CA that issued its certificate, where the workstation does not trust it already
        key: file of cosign's public key, by which all its images must be signed
        transparency_log: whether signatures must be in a transparency log too
        signatures: bring signatures, attestations and SBOMs of its images along
    """

    login: Login | None = None
    ca: SitePath | None = None
    key: SitePath | None = None
    transparency_log: bool = True
    signatures: bool = True

    @model_validator(mode="after")
    def _files(self) -> Upstream:
        found = [
            ((key,), f"no such file: {path}")
            for key, path in (("ca", self.ca), ("key", self.key))
            if path and not path.is_file()
        ]
        if found:
            raise FieldErrors(found)
        return self


def brings_signatures(source: ImageSource, upstream: Upstream) -> bool:
    """Return whether what is attached to an image comes along: what the image says, or else its registry."""
    return upstream.signatures if source.signatures is None else source.signatures


class Upstreams(Section):
    """The registries from which images are brought, by ``HOST`` or ``HOST:PORT``: docs/images-from-upstream.md."""

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "upstreams"
    __pydantic_extra__: dict[UpstreamName, Upstream]

    @property
    def by_name(self) -> dict[str, Upstream]:
        return dict(self.__pydantic_extra__)
