"""What the inventory says of registries whose images come through this one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar

from nornir.core.inventory import Host
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from moor.errors import FieldErrors, InputError
from moor.settings import Section, optional_settings_of, settings_of
from moor.settings.section import StrictModel
from moor.tasks.facts import DNS_LABEL, Registry

DOCKER_HUB = "docker.io"
# Where containerd asks for images of a registry, if that is not at its own name.
SERVERS = {DOCKER_HUB: "registry-1.docker.io"}
OTHER_NAMES = ("index.docker.io", "registry-1.docker.io", "hub.docker.com", "registry.hub.docker.com")
IMAGE = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?")
FRONT = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/?")


def check_registry_name(name: str) -> str:
    """Return the name of a registry as images begin with it; raise ValueError for anything else."""
    if name in OTHER_NAMES:
        raise ValueError(f"images of Docker Hub begin with {DOCKER_HUB}; write that")
    host, colon, port = name.partition(":")
    valid = all(DNS_LABEL.fullmatch(label) for label in host.split(".")) and (port.isdecimal() if colon else True)
    if not valid or "." not in host or (colon and not 0 < int(port) < 65536):
        raise ValueError("not the name of a registry; write it as its images begin: docker.io, or HOST:PORT")
    return name


def check_image(image: str) -> str:
    """Return an image without its registry; raise ValueError for anything else."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first):
        raise ValueError(f"the registry stands before already; leave {first}/ out")
    if not IMAGE.fullmatch(image):
        raise ValueError("not an image; write such as library/busybox:1.36")
    return image


def check_front(url: str) -> str:
    """Return the address of a front; raise ValueError where Docker would not take it."""
    if not FRONT.fullmatch(url):
        raise ValueError("write https://HOST, with :PORT if that is not 443, and no path: Docker takes none")
    return url.rstrip("/")


RegistryName = Annotated[str, AfterValidator(check_registry_name)]
ProjectName = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$", max_length=255)]


class Mirror(StrictModel):
    """A registry whose images come through this one.

    Attributes:
        project: the proxy cache in Harbor; by default called like the registry
        endpoint: the endpoint in Harbor that it caches; by default called like the registry too, and made if it is not
            listed
        prove: an image of that registry without its name, such as ``library/busybox:1.36``, that ``moor verify`` pulls
        fallback: ``true``: hosts may ask the registry itself after the cache
        replace: ``true``: write over what somebody else wrote about that registry
        front: for Docker and docker.io: a front (docs/mirrors.md#docker) of the cache, ``https://HOST``
    """

    project: ProjectName | None = None
    endpoint: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    prove: Annotated[str, AfterValidator(check_image)] | None = None
    fallback: bool = False
    replace: bool = False
    front: Annotated[str, AfterValidator(check_front)] | None = None


class Mirrors(Section):
    """Other registries whose images come through this one, by the name with which images begin: docs/mirrors.md."""

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "mirrors"
    __pydantic_extra__: dict[RegistryName, Mirror]

    @property
    def by_name(self) -> dict[str, Mirror]:
        return dict(self.__pydantic_extra__)

    @model_validator(mode="after")
    def _consistent(self) -> Mirrors:
        if found := list(self._wrong()):
            raise FieldErrors(found)
        return self

    def _wrong(self) -> Iterator[tuple[tuple[str, ...], str]]:
        caches: dict[str, str] = {}
        for name, mirror in self.by_name.items():
            other = caches.setdefault(project_of(name, mirror), name)
            if other != name:
                yield (name, "project"), f"{other} has it too, and a project is the cache of one registry"
            if mirror.front and name != DOCKER_HUB:
                yield (name, "front"), f"Docker has mirrors of {DOCKER_HUB} alone; drop it"


def project_of(name: str, mirror: Mirror) -> str:
    """Return the project that caches a registry."""
    return mirror.project or name.replace(":", "-")


def endpoint_of(name: str, mirror: Mirror) -> str:
    """Return the endpoint that the project caches."""
    return mirror.endpoint or name.replace(":", "-")


def mirrors_of(host: Host) -> dict[str, Mirror] | None:
    """Return the registries that a host pulls through this one, by name; None where nothing is said of it.

    Raises:
        InputError: the registry can cache none, or is one of them
    """
    mirrors = optional_settings_of(host, Mirrors)
    if mirrors is None:
        return None
    registry, found = settings_of(host, Registry), mirrors.by_name
    if found and registry.api != "harbor":
        raise InputError(f"{host.name}: data.mirrors: {registry.name} is no Harbor, which has proxy caches; drop it")
    if registry.host_port in found:
        raise InputError(f"{host.name}: data.mirrors.{registry.host_port}: it is this registry itself; drop it")
    return found


def cache_url(registry: Registry, name: str, mirror: Mirror) -> str:
    """Return where clients that name the whole path of the API find a cache: a project is behind /v2."""
    return f"{registry.url}/v2/{project_of(name, mirror)}"


def server_url(name: str) -> str:
    """Return where containerd asks a registry itself."""
    return f"https://{SERVERS.get(name, name)}"
