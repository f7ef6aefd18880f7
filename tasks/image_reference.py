"""Names of images, read as containerd and Docker read them.

Source  distribution/reference (grammar and normalisation), as containerd and Docker use it
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DOCKER_HUB, OFFICIAL, LATEST = "docker.io", "library", "latest"
HUB_NAMES = (DOCKER_HUB, "index.docker.io")
LABEL = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
DOMAIN = re.compile(rf"(?:{LABEL}(?:\.{LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
PATH = re.compile(rf"{PART}(?:/{PART})*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
IMAGE_ID = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME = 255  # characters of registry and repository together


@dataclass(frozen=True)
class ImageReference:
    """An image's name with everything that was left out of it.

    Attributes:
        registry: HOST[:PORT]
        repository: the path in the registry, such as ``library/nginx``
        tag: empty if the image is named by digest alone
        digest: empty if the image is named by tag alone; it counts before the tag
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"{self.place}{tag}{digest}"

    @property
    def place(self) -> str:
        """Return registry and repository, which logins are matched with."""
        return f"{self.registry}/{self.repository}"

    @property
    def reference(self) -> str:
        """Return what the registry is asked for: the digest, else the tag."""
        return self.digest or self.tag


def parse_image(name: str) -> ImageReference:
    """Return the image that a name means; raise ValueError if runtimes refuse the name."""
    named, at, digest = name.partition("@")
    if at and not DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is no digest")
    if IMAGE_ID.fullmatch(named):
        raise ValueError("it looks like an image's id, which runtimes refuse as a name")
    registry, path = _split_registry(named)
    path, colon, tag = path.partition(":")
    if colon and not TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is no tag")
    if registry in HUB_NAMES:
        registry, path = DOCKER_HUB, path if "/" in path else f"{OFFICIAL}/{path}"
    if not DOMAIN.fullmatch(registry):
        raise ValueError(f"{registry!r} is no registry")
    if not PATH.fullmatch(path):
        raise ValueError(f"{path!r} is no repository; names are in lower case")
    if len(registry) + 1 + len(path) > LONGEST_NAME:
        raise ValueError(f"the name has more than {LONGEST_NAME} characters")
    return ImageReference(registry, path, tag if colon else "" if at else LATEST, digest)


def _split_registry(named: str) -> tuple[str, str]:
    """Return the registry and the rest; what stands before the first slash is a registry only if it looks like one."""
    first, slash, rest = named.partition("/")
    is_registry = slash and (re.search(r"[.:]", first) or first == "localhost" or first.lower() != first)
    return (first, rest) if is_registry else (DOCKER_HUB, named)


def digest_in(image_id: str) -> str:
    """Return the digest in a container status's imageID; empty for an image that no registry has named.

    Runtimes write ``REPOSITORY@DIGEST`` there, some with a scheme such as ``docker-pullable://`` before it, and the
    bare id of an image that was imported on the node.
    """
    digest = image_id.rpartition("@")[2] if "@" in image_id else ""
    return digest if DIGEST.fullmatch(digest) else ""
