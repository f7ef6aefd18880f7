"""The CA by which a fleet trusts its registry, from the files of its runtimes; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from moor.pki.pem import certificates_in
from moor.tasks.survey.reading import directory_name, toml_of
from moor.tasks.survey.script import HostView
from moor.tasks.trust import ANCHOR_NAME, STORES

ANCHORS = tuple(dict.fromkeys(f"{store.anchors}/" for store in STORES))


@dataclass
class FoundCa:
    """One CA, which may be several certificates.

    Attributes:
        hosts: the hosts that trust the registry by it, each with the file
    """

    pem: str
    hosts: dict[str, str] = field(default_factory=dict)


def trusted(views: Iterable[HostView], registry: str) -> list[FoundCa]:
    """Return the CAs by which hosts trust the registry, that of most hosts first."""
    found: dict[str, FoundCa] = {}
    for view in views:
        for path in _files(view, registry):
            if pem := "".join(dict.fromkeys(certificates_in(view.files[path]))):
                found.setdefault(pem, FoundCa(pem)).hosts.setdefault(view.name, path)
                break
    return sorted(found.values(), key=lambda one: -len(one.hosts))


def _files(view: HostView, registry: str) -> Iterator[str]:
    """Yield the files in which a host may have the registry's CA, the surest one first."""
    ours = [path for path in view.files if "/certs.d/" in path and directory_name(path) == registry]
    for path in ours:
        if path.endswith("/hosts.toml"):
            yield from (one for one in _named(view.files[path], path) if one in view.files)
    yield from sorted((path for path in ours if path.endswith(".crt")), key=lambda path: not path.endswith("/ca.crt"))
    yield from (path for path in view.files if path.startswith("/etc/rancher/") and path.endswith(".crt"))
    yield from (path for path in view.files if path.startswith(ANCHORS) and f"/{ANCHOR_NAME}" in path)


def _named(text: str, path: str) -> Iterator[str]:
    tree = toml_of(text)
    hosts = tree.get("host")
    tables = [*(hosts.values() if isinstance(hosts, dict) else ()), tree]
    for table in tables:
        ca = table.get("ca") if isinstance(table, Mapping) else None
        for one in ca if isinstance(ca, list) else [ca] if isinstance(ca, str) else ():
            yield str(one) if str(one).startswith("/") else f"{path.rpartition('/')[0]}/{one}"


def other_anchors(views: Iterable[HostView]) -> dict[str, list[str]]:
    """Return the anchors that administrators added, each with the hosts that have it; moor's are left out."""
    found: dict[str, list[str]] = {}
    for view in views:
        for path, text in view.files.items():
            if path.startswith(ANCHORS) and f"/{ANCHOR_NAME}" not in path and certificates_in(text):
                found.setdefault(path, []).append(view.name)
    return found
