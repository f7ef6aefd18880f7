"""Image references, and the choice of a pod's credentials for them; pure.

Source  Kubernetes' pkg/credentialprovider; distribution/reference.
"""

import base64
import binascii
import fnmatch
import json
import re
from dataclasses import dataclass, field, replace

from ..objects import Object

HUB = "docker.io"
NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REFERENCE = re.compile(rf"{NAME}(?:/{NAME})*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[a-f0-9]{64}")


class InvalidName(ValueError):
    """An invalid image name; the message is the kubelet's."""


@dataclass(frozen=True)
class Reference:
    """The full name of an image; ``tag`` or ``digest`` may be empty, but not both."""

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Return the name without tag and digest."""
        return f"{self.host}/{self.repository}"

    def __str__(self) -> str:
        return f"{self.name}{f':{self.tag}' if self.tag else ''}{f'@{self.digest}' if self.digest else ''}"


def parse(image: str) -> Reference:
    """Return the full reference that an image's short name stands for. Raises InvalidName."""
    rest, _, digest = image.partition("@")
    head, slash, tail = rest.partition("/")
    is_host = bool(slash) and ("." in head or ":" in head or head == "localhost")
    host, path = (head, tail) if is_host else (HUB, rest)
    repository, _, tag = path.partition(":")
    if host == HUB and "/" not in repository:
        repository = f"library/{repository}"
    _check(image, repository, tag if ":" in path else None, digest if "@" in image else None)
    return Reference(host, repository, tag or ("" if digest else "latest"), digest)


def _check(image: str, repository: str, tag: str | None, digest: str | None) -> None:
    why = "invalid reference format"
    well_marked = (tag is None or TAG.fullmatch(tag)) and (digest is None or DIGEST.fullmatch(digest))
    if REFERENCE.fullmatch(repository) and well_marked:
        return
    if repository.lower() != repository and REFERENCE.fullmatch(repository.lower()):
        why += f": repository name ({repository}) must be lowercase"
    raise InvalidName(f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {why}')


@dataclass(frozen=True)
class Source:
    """The secret that a login is from."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, order=True)
class Credentials:
    """A user and a password, which is hidden in its repr; ``source`` is the secret that has them."""

    user: str
    password: str = field(repr=False)
    source: Source | None = field(default=None, compare=False)


def credentials(secrets: list[Object], reference: Reference) -> list[Credentials]:
    """Return the credentials in these pull secrets that match a reference, best match first, each once."""
    found: list[tuple[int, Credentials]] = []
    for secret in secrets:
        for where, entry in _entries(secret).items():
            known = _credentials(entry)
            if known and fits(where, reference):
                found.append((-len(where), replace(known, source=_source(secret))))
    return list(dict.fromkeys(known for _, known in sorted(found, key=lambda pair: pair[0])))


def _source(secret: Object) -> Source | None:
    metadata = secret.get("metadata", {})
    return Source(metadata["namespace"], metadata["name"], metadata["uid"]) if metadata.get("uid") else None


def _entries(secret: Object) -> Object:
    """Return the logins of a pull secret by registry; empty if it cannot be parsed."""
    data = secret.get("data", {})
    try:
        if ".dockerconfigjson" in data:
            document = json.loads(base64.b64decode(data[".dockerconfigjson"])).get("auths", {})
        else:
            document = json.loads(base64.b64decode(data.get(".dockercfg", "e30=")))
    except (ValueError, AttributeError):
        return {}
    return document if isinstance(document, dict) else {}


def _credentials(entry: Object) -> Credentials | None:
    if entry.get("auth"):
        try:
            user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return Credentials(user, password)
    return Credentials(entry["username"], entry.get("password", "")) if entry.get("username") else None


def fits(where: str, reference: Reference) -> bool:
    """Return whether an entry (``host``, ``https://host``, ``*.corp.test/team``) is about the reference's registry."""
    where = re.sub(r"^https?://", "", where).rstrip("/")
    where = re.sub(r"/v[12]$", "", where)
    host, _, path = where.partition("/")
    if host in ("index.docker.io", "registry-1.docker.io"):
        host = HUB
    same = _matches(host, reference.host)
    return same and (not path or f"{reference.repository}/".startswith(f"{path}/"))


def _matches(pattern: str, host: str) -> bool:
    """Return whether a host matches a pattern, in which a star stands for one label."""
    wanted, given = pattern.split("."), host.split(".")
    return len(wanted) == len(given) and all(map(fnmatch.fnmatchcase, given, wanted))


def cause(error: str, reference: str) -> str:
    """Return ctr's error of a failed pull in the words of a kubelet with containerd's CRI."""
    lines = [line for line in error.strip().splitlines() if line.strip()]
    said = next((line for line in reversed(lines) if line.startswith("ctr: ")), lines[-1] if lines else "unknown error")
    text = f'failed to pull and unpack image "{reference}": {said.removeprefix("ctr: ")}'
    return f"rpc error: code = NotFound desc = {text}" if text.endswith(": not found") else text
