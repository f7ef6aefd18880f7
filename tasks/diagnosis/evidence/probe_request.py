"""Where the registry is for a node, and what is asked of it there."""

from __future__ import annotations

from dataclasses import dataclass, field

from moor.secrets.secret import Secret
from moor.tasks.containerd.config_faults import ExpectedConfig


def split_image(image: str) -> tuple[str, str]:
    """Part PROJECT/REPOSITORY from the tag or the digest, of which the digest counts where there are both."""
    named, at, digest = image.partition("@")
    head, colon, tag = named.rpartition(":")
    repository, tag = (head, tag) if colon and "/" not in tag else (named, "latest")
    return repository, digest if at else tag


@dataclass(frozen=True)
class RegistryEndpoint:
    """The registry's name, the address that it should have, and the port.

    Attributes:
        further: its address of the other family, where it has one
    """

    name: str
    address: str
    port: int = 443
    further: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.address, *self.further)

    @property
    def host_port(self) -> str:
        return self.name if self.port == 443 else f"{self.name}:{self.port}"


@dataclass(frozen=True)
class ProbeRequest:
    """What a node is asked about.

    Attributes:
        image: PROJECT/REPOSITORY:TAG, or PROJECT/REPOSITORY@DIGEST
        login: of the pull secret; None where nobody knows one
        pull: whether the node really pulls the image, and removes it again
        own: ``k3s``, ``rke2`` or ``crio`` where one of them pulls, and not the node's own containerd
        names: who says the registry's name to the node: ``hosts``, ``dns`` or ``both``
        unit: the service that pulls
        proxied: whether it is meant to go through its proxy
        expected: what the node's containerd should come to; None where none of its own pulls
    """

    door: RegistryEndpoint
    image: str
    login: tuple[str, Secret] | None = None
    pull: bool = False
    own: str = ""
    names: str = "hosts"
    unit: str = "containerd"
    proxied: bool = False
    expected: ExpectedConfig | None = None

    @property
    def repository(self) -> str:
        return split_image(self.image)[0]

    @property
    def tag(self) -> str:
        """Return its tag or its digest, by which the registry is asked."""
        return split_image(self.image)[1]


@dataclass(frozen=True)
class ControllerFacts:
    """What the controller knows without the node; an empty text is what it could not find out.

    Attributes:
        harbor: ``answers``, or why not
        robot: ``ok``, ``absent``, ``disabled``, ``expired``
        digest: of the image as the controller sees it
        project: ``there`` or ``absent``, as ``repository`` and ``tag``
        architectures: that the image has, as Docker names them, parted by spaces
        fingerprint: SHA-256 of the certificate that should be served, in hex
        bring: what brings the image into the registry, where the inventory does
        setter: where the inventory names the image
        own: ``yes`` or ``no``: whether the login is of a robot of the inventory
    """

    harbor: str = ""
    robot: str = ""
    digest: str = ""
    project: str = ""
    repository: str = ""
    tag: str = ""
    architectures: str = field(default="")
    fingerprint: str = ""
    bring: str = ""
    setter: str = ""
    own: str = "yes"
