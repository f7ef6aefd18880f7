"""What a node is asked about: the registry, an image, a login; and what the controller knows about them."""

from __future__ import annotations

from dataclasses import dataclass, field

from moor.secrets.secret import Secret
from moor.tasks.containerd.config_faults import ExpectedConfig


def split_image(image: str) -> tuple[str, str]:
    """Split an image into PROJECT/REPOSITORY and its digest, else its tag."""
    named, at, digest = image.partition("@")
    head, colon, tag = named.rpartition(":")
    repository, tag = (head, tag) if colon and "/" not in tag else (named, "latest")
    return repository, digest if at else tag


@dataclass(frozen=True)
class RegistryEndpoint:
    """The registry's name, the address that it should have, and the port.

    Attributes:
        further: its address of the other family, if it has one
        api: ``harbor`` or ``distribution``
        own: whether moor runs it
        makes_robots: whether moor makes its projects and robots
    """

    name: str
    address: str
    port: int = 443
    further: tuple[str, ...] = ()
    api: str = "harbor"
    own: bool = True
    makes_robots: bool = True

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
        login: of the pull secret; None if unknown
        anonymous: the image is pulled without a login
        pull: whether the node really pulls the image, and removes it again
        own: ``k3s``, ``rke2`` or ``crio`` if one of them pulls, empty for the system's containerd
        names: where the node gets the registry's address from: ``hosts``, ``dns`` or ``both``
        unit: the systemd unit that pulls
        proxied: whether the unit should use its proxy for the registry
        expected: the configuration that containerd should have loaded; None if another runtime pulls
        digest: the image's, by which it is pulled; empty if unknown
        hops: the next hop that the inventory names for each address of the registry
    """

    endpoint: RegistryEndpoint
    image: str
    login: tuple[str, Secret] | None = None
    pull: bool = False
    own: str = ""
    names: str = "hosts"
    unit: str = "containerd"
    proxied: bool = False
    expected: ExpectedConfig | None = None
    anonymous: bool = False
    digest: str = ""
    hops: tuple[tuple[str, str], ...] = ()

    @property
    def repository(self) -> str:
        return split_image(self.image)[0]

    @property
    def tag(self) -> str:
        """Return the image's digest, else its tag."""
        return split_image(self.image)[1]


@dataclass(frozen=True)
class ControllerFacts:
    """What the controller knows without asking the node; an empty field is unknown.

    Attributes:
        harbor: ``answers``, or why Harbor does not answer
        robot: ``ok``, ``absent``, ``disabled``, ``expired``
        digest: the image's digest in Harbor
        project: ``there`` or ``absent``, like ``repository`` and ``tag``
        architectures: of the image, by Docker's names, separated by spaces
        fingerprint: SHA-256 of the certificate that the registry should serve, in hex
        bring: the command that pushes the image, if the inventory has it
        setter: the inventory key that names the image
        own: ``yes`` or ``no``: whether the login is that of the inventory's robot
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
