"""Mirrors of Docker: its one list of mirrors, of Docker Hub, and a hosts.toml for engines that pull by containerd.

dockerd asks a mirror at the root of its address, for the repository's own name, so that it finds no proxy cache of
Harbor's, which is behind a project: a front that renames repositories stands between. An engine whose images are in
containerd's store, the default of new installations from Docker 29 on, reads hosts.toml and needs no front.

Source  moby, daemon/pkg/registry/config.go: ValidateMirror; daemon/hosts.go: RegistryHosts, mergeLegacyConfig
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from moor.errors import HostError
from moor.formats.json_text import rewrite
from moor.resources.base import Resource, Scripted, State
from moor.resources.edit import Edit
from moor.tasks.docker.install import CHECK
from moor.tasks.docker.verification import DAEMON
from moor.tasks.mirrors.hosts_toml import CacheHost, edit_hosts_toml
from moor.tasks.mirrors.leftovers import UnlistedMirrors
from moor.tasks.mirrors.quiet_edit import QuietEdit
from moor.tasks.mirrors.settings import Mirror

CERTS = "/etc/docker/certs.d"
MIRRORS = "registry-mirrors"


def resources(caches: Sequence[CacheHost], mirrors: Mapping[str, Mirror]) -> Iterator[Resource]:
    """Yield a hosts.toml for each registry and, for a front, the list in daemon.json and the engine that has it."""
    for cache in caches:
        path = f"{CERTS}/{cache.name}/hosts.toml"
        yield Edit(path, "mirror", partial(edit_hosts_toml, cache=cache, path=path))
    yield UnlistedMirrors(CERTS, tuple(cache.name for cache in caches))
    fronts = [mirror.front for mirror in mirrors.values() if mirror.front]
    if fronts:
        yield QuietEdit(DAEMON, "mirrors", partial(edit_daemon_json, front=fronts[0]), check=CHECK)
        yield DockerMirror(fronts[0])


def edit_daemon_json(content: str, _: str, front: str) -> str:
    """Return daemon.json with the front as the first mirror; the others and all other lines stay."""

    def change(tree: dict[str, object]) -> dict[str, object]:
        listed = tree.get(MIRRORS, [])
        if not isinstance(listed, list):
            raise ValueError(f"{MIRRORS} is no list")
        others = [one for one in listed if str(one).rstrip("/") != front]
        return tree if listed[:1] and len(others) < len(listed) else {**tree, MIRRORS: [front, *others]}

    try:
        return rewrite(content, change)
    except ValueError as error:
        raise HostError(f"{DAEMON}: {error}; mend it or move it away") from None


@dataclass(frozen=True)
class DockerMirror(Scripted):
    """The front among the mirrors of the running engine, which reads its list at a reload; containers keep running."""

    front: str

    @property
    def id(self) -> str:
        return "docker-mirror:running"

    @property
    def late(self) -> bool:
        return True

    def desired(self, actual: State | None) -> State:
        return {"asks": self.front}

    def probe(self) -> str:
        return """\
! command -v docker >/dev/null 2>&1 ||
  timeout 20 docker info --format '{{range .RegistryConfig.Mirrors}}{{println .}}{{end}}' 2>/dev/null || :"""

    def actual(self, output: str) -> State:
        listed = [line.rstrip("/") for line in output.splitlines() if line.strip()]
        return {"asks": self.front if self.front in listed else ", ".join(listed) or "no mirror"}

    def mend(self, actual: State | None) -> str:
        return "systemctl reload docker >&2"
