"""What registries answer about an image, and what still has to be asked; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from moor.connections.apis.registry_api import BUSY, INDEX_TYPES, REFUSED, RegistryAnswer
from moor.formats.nesting import parse_object
from moor.tasks.images_in_use.logins import Login
from moor.tasks.images_in_use.usage import Usage

AskedState = Literal["there", "missing", "denied", "unknown"]
DIGEST = "docker-content-digest"
LINUX = "linux"


@dataclass(frozen=True)
class Asked:
    """What a registry answered to one login about one image.

    Attributes:
        is_index: it is a list of images for several platforms
        why: why it is unknown
        architectures: those of Linux that it is for; None if that was not asked
        children: digests of the images in an index
    """

    state: AskedState
    digest: str = ""
    is_index: bool = False
    why: str = ""
    architectures: frozenset[str] | None = None
    children: frozenset[str] = frozenset()


@dataclass
class ImageAnswers:
    """Everything that was answered about one image.

    Attributes:
        by_login: None is no login
        by_moor: what moor's own account was answered; None if it was not asked
    """

    by_login: dict[Login | None, Asked] = field(default_factory=dict)
    by_moor: Asked | None = None

    @property
    def best(self) -> Asked:
        """Return the answer that says most: a login that may read it knows more than one that may not."""
        known = [*self.by_login.values(), *([self.by_moor] if self.by_moor else [])]
        order: tuple[AskedState, ...] = ("there", "missing", "unknown", "denied")
        return min(known, key=lambda one: order.index(one.state), default=Asked("unknown", why="it was not asked"))


def classify(answer: RegistryAnswer) -> Asked:
    """Return what an answer to a question for a manifest says."""
    if answer.status == 200:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        digest = answer.headers.get(DIGEST, "")
        if not digest and answer.body:
            digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        found = Asked("there", digest, kind in INDEX_TYPES)
        return with_manifest(found, answer.body) if answer.body else found
    if answer.status == 404:
        return Asked("missing")
    if answer.status in REFUSED:
        return Asked("denied")
    if answer.status == BUSY:
        return Asked("unknown", why="it refuses further requests for now (429)")
    return Asked("unknown", why=f"it answers {answer.status}")


def with_manifest(asked: Asked, body: bytes) -> Asked:
    """Return the answer with what the manifest itself says; unchanged if it is none."""
    tree = parse_object(body)
    entries = tree.get("manifests")
    if not isinstance(entries, list):
        return asked
    known = [entry for entry in entries if isinstance(entry, dict)]
    platforms = [one for entry in known if isinstance(one := entry.get("platform"), dict)]
    found = frozenset(str(one.get("architecture")) for one in platforms if one.get("os", LINUX) == LINUX)
    children = frozenset(str(entry["digest"]) for entry in known if isinstance(entry.get("digest"), str))
    return replace(asked, is_index=True, architectures=found, children=children)


def config_digest(body: bytes) -> str:
    """Return the digest of the configuration that a manifest names; empty if it names none."""
    config = parse_object(body).get("config")
    digest = config.get("digest") if isinstance(config, dict) else None
    return digest if isinstance(digest, str) else ""


def architecture_in(body: bytes) -> frozenset[str] | None:
    """Return the architecture in an image's configuration; None if it says none."""
    found = parse_object(body).get("architecture")
    return frozenset({found}) if isinstance(found, str) and found else None


@dataclass(frozen=True)
class Wanted:
    """What is to be known of an image beside whether it is there.

    Attributes:
        architectures: those of the nodes on which its pods may be
        proven: architectures of the nodes that run a digest, by digest
        by_tag: the image is named by a tag alone, which can move
    """

    architectures: frozenset[str]
    proven: Mapping[str, frozenset[str]]
    by_tag: bool

    @property
    def is_proven(self) -> bool:
        """Return whether pods run it on every architecture, so that the manifest itself need not be read."""
        return self.architectures <= frozenset().union(*self.proven.values())

    def proven_by(self, asked: Asked) -> frozenset[str]:
        """Return the architectures on which pods run what the registry has now.

        Some runtimes name the digest of the index, others that of the image for their platform.
        """
        return frozenset().union(*(self.proven.get(one, frozenset()) for one in (asked.digest, *asked.children)))

    def lacks_manifest(self, asked: Asked) -> bool:
        """Return whether the manifest has to be read too."""
        if asked.state != "there" or asked.architectures is not None:
            return False
        proven = self.proven_by(asked)
        if not self.architectures <= proven and (asked.is_index or not proven):
            return True
        return asked.is_index and self.by_tag and any(one not in ("", asked.digest) for one in self.proven)


def wanted_of(usage: Usage, nodes: Mapping[str, tuple[str, str]], by_tag: bool) -> Wanted:
    """Return what is to be known of an image.

    Args:
        nodes: operating system and architecture by the node's name
    """
    every = frozenset(machine for os, machine in nodes.values() if os == LINUX)
    wanted = frozenset().union(*(use.architectures or every for use in usage.uses)) if every else frozenset()
    proven = {
        digest: frozenset(nodes[name][1] for name in names if name in nodes) for digest, names in usage.proven.items()
    }
    return Wanted(wanted, proven, by_tag)
