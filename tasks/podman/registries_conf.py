"""The settings for a registry that podman and CRI-O read in /etc/containers, or in a user's own directory; pure.

Source  containers-registries.conf(5), containers-registries.conf.d(5): among entries with the same prefix the last one
        counts, among those that match an image the one with the longest prefix
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from moor.formats.toml import parse_toml

MAIN = "/etc/containers/registries.conf"

# A user's own registries.conf, with its registries.conf.d, is read instead of all files in /etc/containers.
READ_REGISTRIES = """\
moor_conf() { [ ! -f "$2" ] || echo "$1=$(base64 < "$2" | tr -d '\\n') $2"; }
for f in /etc/containers/registries.conf /etc/containers/registries.conf.d/*.conf; do moor_conf file "$f"; done
for f in /etc/crio/crio.conf /etc/crio/crio.conf.d/*; do moor_conf crio "$f"; done
getent passwd 2>/dev/null | cut -d: -f6 | sort -u | while IFS= read -r f; do
  f=$f/.config/containers/registries.conf
  [ ! -f "$f" ] || for f in "$f" "$f".d/*.conf; do moor_conf user "$f"; done
done"""

SourcedEntry = tuple[str, dict[str, Any]]  # the file that has an entry, and the entry


def parse_files(output: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return the parsed files of one kind (``file``, ``crio`` or ``user``) by path, in order; skip what is not TOML."""
    found: dict[str, dict[str, Any]] = {}
    for line in output.splitlines():
        key, _, value = line.partition("=")
        content, _, path = value.partition(" ")
        if key == kind:
            try:
                found[path] = parse_toml(base64.b64decode(content).decode())
            except (ValueError, binascii.Error):
                continue
    return found


def entries_in_effect(files: dict[str, dict[str, Any]]) -> dict[str, SourcedEntry]:
    """Return the entry in effect for each prefix."""
    found: dict[str, SourcedEntry] = {}
    for path, tree in files.items():
        listed = tree.get("registry")
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, dict):
                found[str(entry.get("prefix") or entry.get("location") or "")] = (path, entry)
    return found


def find_unchecked(output: str, name: str, ours: str = "") -> list[str]:
    """Return the settings by which images of a registry come unverified or from another registry.

    Args:
        name: the registry, with its port unless that is 443
        ours: the path of moor's file, which is judged as if it existed already
    """
    files = parse_files(output, "file")
    if ours:
        files[ours] = {"registry": [{"prefix": name, "location": name}]}
        files = dict(sorted(files.items(), key=lambda item: (item[0] != MAIN, item[0])))
    found = [*_image_sources(entries_in_effect(files), name)]
    for path, tree in parse_files(output, "crio").items():
        image = tree.get("crio", {}).get("image", {}) if isinstance(tree.get("crio"), dict) else {}
        names = image.get("insecure_registries") if isinstance(image, dict) else None
        if isinstance(names, list) and name in names:
            found.append(f"{path}: insecure_registries names it")
    return found


def find_user_overrides(output: str, name: str) -> list[str]:
    """Return each user's own file without an entry for the registry like moor's, and its differing settings."""
    found = []
    for path in parse_files(output, "user"):
        if not path.endswith("/registries.conf"):
            continue
        own = {p: t for p, t in parse_files(output, "user").items() if p == path or p.startswith(f"{path}.d/")}
        settings = "; ".join(_image_sources(entries_in_effect(own), name))
        if name in entries_in_effect(own) and not settings:
            continue
        found.append(
            f"{path} is read instead of /etc/containers by that user's podman{': ' if settings else ''}{settings}"
        )
    return found


def _image_sources(known: dict[str, SourcedEntry], name: str) -> Iterator[str]:
    """Yield the faults for images of a registry, in its own entry, else a wildcard's, and in longer prefixes."""
    whole = [prefix for prefix in known if prefix == name or _is_wildcard_for(prefix, name)]
    longest = max(whole, key=len, default="")
    for prefix in dict.fromkeys([longest, *(p for p in known if p.startswith(f"{name}/"))]):
        path, entry = known.get(prefix, ("", {}))
        location = str(entry.get("location") or prefix)
        if entry.get("insecure") is True:
            yield f"{path}: insecure = true for {prefix}"
        if entry.get("blocked") is True:
            yield f"{path}: blocked = true for {prefix}"
        if entry and not prefix.startswith("*") and location.partition("/")[0] != name:
            yield f"{path}: images of {prefix} come from {location}"
        for mirror in entry.get("mirror") or () if isinstance(entry.get("mirror"), list) else ():
            if isinstance(mirror, dict):
                plain = ", unchecked" if mirror.get("insecure") is True else ""
                yield f"{path}: images of {prefix} come from {mirror.get('location')} first{plain}"


def _is_wildcard_for(prefix: str, name: str) -> bool:
    return prefix.startswith("*.") and name.partition(":")[0].endswith(prefix[1:])
