"""The online installer: the images that its release needs, pulled by Docker before anything of Harbor stops."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

from moor.errors import ErrorKind
from moor.lazy_imports import tarfile
from moor.resources.base import Scripted, State
from moor.resources.requirement import Requirement
from moor.tasks.harbor.releases import VALKEY_SINCE, version_of
from moor.tasks.proxies.settings import Proxy

PULL_S = 3600
CONNECT_S = 10
DOCKER_HUB = "registry-1.docker.io:443"
PREPARE = "harbor/prepare"  # a file of the installer, which names the tag of the release's images
LARGEST_PREPARE = 100_000  # bytes
IMAGES = (
    *("prepare", "harbor-log", "harbor-core", "harbor-portal", "harbor-jobservice", "harbor-registryctl"),
    *("registry-photon", "nginx-photon"),
)
BY_FLAG = {
    "--with-trivy": ("trivy-adapter-photon",),
    "--with-notary": ("notary-server-photon", "notary-signer-photon"),
    "--with-chartmuseum": ("chartmuseum-photon",),
}
REMEDY = (
    f"let it out to {DOCKER_HUB}, or write data.proxy, or a mirror of Docker Hub below "
    "data.docker.daemon.registry-mirrors; where it has no way out at all, name the offline installer (docs/harbor.md)"
)


def is_online(package: str) -> bool:
    """Return whether a file's name is that of an online installer, which holds no images."""
    return "-online-" in package


def image_tag(installer: Path) -> str:
    """Return the tag of a release's images, which the installer's ``prepare`` names; by the file name if it is away."""
    try:
        with tarfile.open(installer, "r:gz") as archive:
            found = archive.extractfile(PREPARE)
            text = found.read(LARGEST_PREPARE).decode("utf-8", "replace") if found else ""
    except (OSError, EOFError, KeyError, tarfile.TarError):
        text = ""
    named = re.search(r"goharbor/prepare:([A-Za-z0-9._-]+)", text) or re.search(r"(v\d+\.\d+\.\d+)", installer.name)
    return named[1] if named else "latest"


def needed_images(installer: Path, flags: Sequence[str], options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the images that a release's containers and its ``prepare`` run from.

    Args:
        installer: the online installer on the controller.
        flags: those of install.sh.
        options: the keys of harbor.yml that the inventory sets; some components are somebody else's by them.
    """
    tag = image_tag(installer)
    return tuple(f"goharbor/{name}:{tag}" for name in _names(installer.name, flags, options))


def _names(package: str, flags: Sequence[str], options: Mapping[str, Any]) -> Iterator[str]:
    yield from IMAGES
    if not options.get("external_database"):
        yield "harbor-db"
    if not options.get("external_redis"):
        yield "valkey-photon" if _has_valkey(package) else "redis-photon"
    metric = options.get("metric")
    if isinstance(metric, Mapping) and metric.get("enabled"):
        yield "harbor-exporter"
    for flag in flags:
        yield from BY_FLAG.get(flag, ())


def _has_valkey(package: str) -> bool:
    version = version_of(package)
    return version is not None and version >= VALKEY_SINCE


@dataclass(frozen=True)
class PulledImages(Scripted):
    """The images of a release, on its host before install.sh or prepare stops anything.

    Docker Compose would pull what is missing only after the former containers are gone.
    """

    directory: str
    images: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"pulled-images:{self.directory}"

    @property
    def bound_s(self) -> float:
        return PULL_S

    def desired(self, actual: State | None) -> State:
        return dict.fromkeys(self.images, "present")

    def probe(self) -> str:
        return f"command -v docker >/dev/null || exit 0\necho asked\n{list_images(self.images)}"

    def actual(self, output: str) -> State | None:
        if not output:
            return None
        found = set(output.split())
        return {image: "present" if image in found else "absent" for image in self.images}

    def mend(self, actual: State | None) -> str:
        missing = [image for image in self.images if (actual or {}).get(image) != "present"]
        words = "cannot be pulled, as Docker says above; nothing of Harbor was stopped;"
        return f"""\
for image in {" ".join(map(quote, missing))}; do
  docker pull -q "$image" >&2 </dev/null || moor_fail "$image {words} "{quote(REMEDY)}
done"""


def list_images(images: Sequence[str]) -> str:
    """Return a fragment that prints the tags of those images that the host has."""
    ask = "{{range .RepoTags}}{{println .}}{{end}}"
    return f"timeout 30 docker image inspect -f {quote(ask)} {' '.join(map(quote, images))} 2>/dev/null || :"


def images_requirement(images: Sequence[str], proxy: Proxy | None, daemon: Mapping[str, Any]) -> Requirement:
    """Require that a host which lacks images reaches the registry, mirror or proxy that Docker pulls them through.

    Only a connection is made, since Docker may not be there yet; the pull itself comes before anything stops.

    Args:
        images: those that the release needs.
        proxy: Docker's proxy by the inventory.
        daemon: the settings of daemon.json by the inventory.
    """
    proxies = [proxy.url] if proxy else []
    mirrors = daemon.get("registry-mirrors")
    others = [str(mirror) for mirror in mirrors] if isinstance(mirrors, list | tuple) else []
    fragment = f"""\
moor_try() {{ # URL
  a=${{1#*://}} a=${{a##*@}} a=${{a%%/*}} p=443
  case $1 in http://*) p=80 ;; esac
  case $a in
    \\[*\\]:*) p=${{a##*:}} a=${{a%:*}} a=${{a#?}} a=${{a%?}} ;;
    \\[*) a=${{a#?}} a=${{a%?}} ;;
    *:*) p=${{a##*:}} a=${{a%:*}} ;;
  esac
  if timeout {CONNECT_S} bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$a" "$p" 2>/dev/null
  then echo "reached $a:$p"; else echo "closed $a:$p"; fi
}}
command -v bash >/dev/null && command -v timeout >/dev/null || exit 0
proxy={quote(" ".join(proxies))} mirrors={quote(" ".join(others))}
if command -v docker >/dev/null; then
  found=$({list_images(images)})
  lacks=
  for image in {" ".join(map(quote, images))}; do
    printf '%s\\n' "$found" | grep -qxF "$image" || lacks=yes
  done
  [ -n "$lacks" ] || exit 0
  if [ -z "$proxy" ]; then
    proxy=$(timeout 20 docker info --format '{{{{or .HTTPSProxy .HTTPProxy}}}}' 2>/dev/null)
    mirrors="$mirrors $(timeout 20 docker info --format \
'{{{{range .RegistryConfig.Mirrors}}}}{{{{println .}}}}{{{{end}}}}' 2>/dev/null)"
  fi
fi
if [ -n "$proxy" ]; then moor_try "$proxy"; exit 0; fi
for url in $(printf '%s\\n' $mirrors | sort -u) https://{DOCKER_HUB}; do moor_try "$url"; done"""
    return Requirement("images-registry", fragment, partial(judge_reach, images=tuple(images)), ErrorKind.UNREACHABLE)


def judge_reach(output: str, images: Sequence[str]) -> str:
    """Return what keeps a host from pulling its images, with the remedy; empty if a way is open or unknown."""
    tried = [line.split(" ", 1) for line in output.splitlines() if " " in line]
    if not tried or any(word == "reached" for word, _ in tried):
        return ""
    where = " nor ".join(place for _, place in tried)
    return f"Docker on it lacks images such as {images[0]}, and does not reach {where} for them; {REMEDY}"
