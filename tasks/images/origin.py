"""Where an image comes from that others made: a registry, or an archive on the controller; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

HUB = "docker.io"
HUB_HOST = "registry-1.docker.io"  # serves docker.io
ARCHIVES = ("docker-archive", "oci-archive", "oci")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
PLACE = re.compile(
    r"(?=.*[.:]|localhost)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?|\[[0-9a-f:]+\](?::[0-9]+)?"
)
PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9]+)?")


@dataclass(frozen=True)
class Origin:
    """Where an image comes from.

    Attributes:
        transport: ``docker`` for a registry, else one of ARCHIVES, by skopeo's names
        place: the registry as written, HOST or HOST:PORT; the path of an archive
        repository: in the registry
        tag: of the image; of an archive the name by which it is chosen, empty where it holds one image
        digest: the image's, where it is named by it
    """

    transport: str
    place: str
    repository: str = ""
    tag: str = ""
    digest: str = ""

    @property
    def is_archive(self) -> bool:
        return self.transport in ARCHIVES

    @property
    def host(self) -> str:
        """Return the host that is asked, which is another one for docker.io."""
        return HUB_HOST if self.place == HUB else self.place

    @property
    def named(self) -> str:
        """Return HOST/REPOSITORY, as clients write it."""
        return f"{self.place}/{self.repository}"

    def __str__(self) -> str:
        if self.is_archive:
            return ":".join(filter(None, (self.transport, self.place, self.tag)))
        return self.named + (f"@{self.digest}" if self.digest else f":{self.tag}" if self.tag else "")


def parse_origin(text: str) -> Origin:
    """Parse what ``from`` says, as skopeo writes it; ``docker://`` may be left out.

    Raises:
        ValueError: it is neither an image of a registry nor an archive
    """
    transport, colon, rest = text.partition(":")
    if colon and transport in ARCHIVES:
        return _parse_archive(transport, rest)
    if colon and "/" not in transport and rest.startswith("//") and transport != "docker":
        raise ValueError(f"{transport}://: moor copies from a registry (HOST/REPOSITORY:TAG), {', '.join(ARCHIVES)}")
    return _parse_image(text.removeprefix("docker://"))


def _parse_archive(transport: str, rest: str) -> Origin:
    path, _, name = rest.partition(":")
    if not path:
        raise ValueError(f"no path; write {transport}:PATH, or {transport}:PATH:NAME where it holds several images")
    return Origin(transport, path, tag=name)


def _parse_image(text: str) -> Origin:
    named, at, digest = text.partition("@")
    place, slash, rest = named.partition("/")
    if not slash or not PLACE.fullmatch(place):
        raise ValueError(f"{text}: begin with the registry's name, such as {HUB}/library/redis:7")
    repository, colon, tag = rest.partition(":")
    place = HUB if place in ("index.docker.io", HUB_HOST) else place
    if place == HUB and "/" not in repository:
        repository = f"library/{repository}"
    wrong = [
        f"{word!r} is no {what}"
        for word, what, pattern, there in (
            (repository, "repository, which has small letters, digits and . _ - / between them", REPOSITORY, True),
            (tag, "tag", TAG, colon),
            (digest, "digest, which is sha256: and 64 hexadecimal digits", DIGEST, at),
        )
        if there and not pattern.fullmatch(word)
    ]
    if tag and digest:
        wrong.append("a tag and a digest; write one of them")
    if wrong:
        raise ValueError(f"{text}: {'; '.join(wrong)}")
    return Origin("docker", place, repository, tag, digest)
