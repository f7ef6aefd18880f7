"""Lists of an image's platforms: which of them are copied, and the list of those; pure.

Registries refuse a list that names manifests which they do not have, so a list of some platforms is one of our own. The
manifests of the platforms keep their digests. An annotation names the list upstream that it was made from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moor.errors import ErrorKind, HostError
from moor.formats.nesting import parse_json

INDEX = "application/vnd.oci.image.index.v1+json"
UPSTREAM = "io.moor.upstream"  # annotation of a list of ours: the digest of what it was made from
ATTESTED = "vnd.docker.reference.digest"  # annotation of an attestation: the digest of the manifest that it is about
COPIED = ("mediaType", "digest", "size", "platform", "annotations")


@dataclass(frozen=True)
class OwnList:
    """A list of the platforms that are copied.

    Attributes:
        content: of the list, as it is pushed
        digests: of the manifests in it
    """

    content: str
    digests: tuple[str, ...]


def platform_of(entry: Mapping[str, Any]) -> str:
    """Return an entry's platform as OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT; empty for an attestation."""
    found = entry.get("platform") or {}
    words = [str(found.get(key) or "") for key in ("os", "architecture", "variant")]
    return "" if "unknown" in words or not words[0] else "/".join(filter(None, words))


def is_wanted(platform: str, wanted: Sequence[str]) -> bool:
    """Return whether a platform is among the wanted ones, each of which stands for all of its variants."""
    return any(platform == one or platform.startswith(f"{one}/") for one in wanted)


def own_list(raw: str, digest: str, wanted: Sequence[str], config: str = "") -> OwnList:
    """Return the list of the wanted platforms of an image.

    Args:
        raw: the manifest upstream, a list or that of one platform
        digest: its digest
        wanted: platforms as the inventory names them
        config: the image's configuration, for a manifest of one platform

    Raises:
        HostError: a wanted platform is not there, or the manifest cannot be read
    """
    try:
        entries = _entries(parse_json(raw), raw, digest, config)
        there = {str(entry["digest"]): platform_of(entry) for entry in entries}
        kept = [entry for entry in entries if is_wanted(there[entry["digest"]], wanted)]
        chosen = {entry["digest"] for entry in kept}
        kept += [entry for entry in entries if (entry.get("annotations") or {}).get(ATTESTED) in chosen]
        packed = [{key: entry[key] for key in COPIED if key in entry} for entry in kept]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise HostError(f"cannot read the manifest {digest}: {error}", ErrorKind.ANSWER) from None
    if lacking := [one for one in wanted if not any(is_wanted(there[found], [one]) for found in chosen)]:
        has = ", ".join(sorted(filter(None, there.values()))) or "none that it names"
        raise HostError(f"it has no {', '.join(lacking)} (it has {has}); correct platforms", ErrorKind.UNMET)
    made = {"schemaVersion": 2, "mediaType": INDEX, "manifests": packed, "annotations": {UPSTREAM: digest}}
    return OwnList(json.dumps(made, separators=(",", ":")), tuple(entry["digest"] for entry in packed))


def _entries(tree: Mapping[str, Any], raw: str, digest: str, config: str) -> list[Mapping[str, Any]]:
    """Return the entries of a list, or one for a manifest of one platform, whose configuration names it."""
    if "manifests" in tree:
        return list(tree["manifests"])
    found = parse_json(config)
    platform = {key: found[key] for key in ("os", "architecture", "variant") if found.get(key)}
    size = len(raw.encode("utf-8", "surrogateescape"))
    return [{"mediaType": tree["mediaType"], "digest": digest, "size": size, "platform": platform}]


def made_from(manifest: Mapping[str, Any]) -> str:
    """Return the digest upstream that a list of ours was made from; empty for any other manifest."""
    annotations = manifest.get("annotations")
    return str(annotations.get(UPSTREAM, "")) if isinstance(annotations, Mapping) else ""


def platforms_in(manifest: Mapping[str, Any], wanted: Sequence[str]) -> str:
    """Return which of the wanted platforms a list of ours has, in their order, separated by spaces."""
    there = [platform_of(entry) for entry in manifest.get("manifests") or () if isinstance(entry, Mapping)]
    return " ".join(one for one in wanted if any(is_wanted(platform, [one]) for platform in there))
