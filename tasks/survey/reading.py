"""What the files of a host's runtimes say of registries, whatever the runtime; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from moor.formats.toml import parse_toml
from moor.formats.urls import split_url
from moor.tasks.containerd.loaded_config import subtable
from moor.tasks.survey.script import HostView

PUBLIC = frozenset({
    *("docker.io", "registry-1.docker.io", "index.docker.io", "quay.io", "ghcr.io", "gcr.io", "k8s.gcr.io"),
    *("registry.k8s.io", "mcr.microsoft.com", "public.ecr.aws", "nvcr.io", "registry.gitlab.com"),
    *("registry.access.redhat.com", "registry.redhat.io", "localhost"),
})  # fmt: skip
RANCHER = ("k3s", "rke2")


@dataclass(frozen=True)
class Way:
    """One entry of a runtime about a registry.

    Attributes:
        name: the registry, as images begin with it
        url: where its images come from first; empty where only a certificate is there
        last: where they come from last, if the file says it
        source: the file
    """

    name: str
    url: str
    source: str
    last: str = ""

    @property
    def place(self) -> str:
        """Return the host, with its port, that is asked first."""
        return place_of(self.url) or self.name

    @property
    def project(self) -> str:
        """Return the project behind which the images are; empty if the name itself is asked."""
        path = split_url(self.url).path.strip("/")
        return path.removeprefix("v2/") if path.startswith("v2/") else ""


def place_of(url: str) -> str:
    """Return HOST or HOST:PORT of a URL, without a login and without the port 443 of HTTPS; empty if it is no URL."""
    parts = split_url(url if "//" in url else f"https://{url}")
    place = parts.netloc.rpartition("@")[2].lower()
    return place.removesuffix(":443") if parts.scheme == "https" else place


def ways_of(view: HostView) -> Iterator[Way]:
    """Yield what the runtimes of a host say of registries."""
    yield from _directories(view)
    yield from _containerd(view)
    for runtime in RANCHER:
        yield from _rancher(view, f"/etc/rancher/{runtime}/registries.yaml")
    yield from _podman(view)


def _directories(view: HostView) -> Iterator[Way]:
    for path, text in view.files.items():
        if "/certs.d/" not in path:
            continue
        name = directory_name(path)
        if name.startswith("_"):
            continue
        if path.endswith("/hosts.toml"):
            tree = toml_of(text)
            hosts = list(subtable(tree, "host"))
            last = str(tree.get("server") or "")
            yield Way(name, str(hosts[0]) if hosts else last, path, last)
        else:
            yield Way(name, "", path)


def directory_name(path: str) -> str:
    """Return the registry whose directory in certs.d has a file: HOST_PORT_ is HOST:PORT."""
    name = path.split("/certs.d/", 1)[1].partition("/")[0]
    host, _, port = name.removesuffix("_").rpartition("_")
    return f"{host}:{port}" if name.endswith("_") and port.isdecimal() else name


def _containerd(view: HostView) -> Iterator[Way]:
    """Yield the tables of registries in containerd's own configuration, as before config_path."""
    for path, text in view.files.items():
        if "containerd" not in path or not path.endswith(".toml") or "/certs.d/" in path:
            continue
        for plugin in subtable(toml_of(text), "plugins").values():
            table = subtable(plugin, "registry") if isinstance(plugin, dict) else {}
            yield from _tables(table, path)


def _rancher(view: HostView, path: str) -> Iterator[Way]:
    yield from _tables(yaml_of(view.files.get(path, "")), path)


def _tables(tree: Mapping[str, Any], path: str) -> Iterator[Way]:
    for name, entry in subtable(tree, "mirrors").items():
        listed = entry.get("endpoint") if isinstance(entry, dict) else None
        first = str(listed[0]) if isinstance(listed, list) and listed else ""
        if str(name) != "*" and first:
            yield Way(str(name), first, path)
    for name in subtable(tree, "configs"):
        yield Way(place_of(str(name)), "", path)


def _podman(view: HostView) -> Iterator[Way]:
    for path, text in view.below("/etc/containers/registries.conf"):
        listed = toml_of(text).get("registry")
        for entry in listed if isinstance(listed, list) else ():
            if not isinstance(entry, dict) or str(entry.get("prefix", "")).startswith("*"):
                continue
            name = str(entry.get("prefix") or entry.get("location") or "")
            mirrors = entry.get("mirror") if isinstance(entry.get("mirror"), list) else []
            first = [str(one.get("location") or "") for one in mirrors or () if isinstance(one, dict)]
            location, last = (first[0], name) if first else (str(entry.get("location") or ""), "")
            if "/" not in name:
                host, _, project = location.partition("/")
                url = f"https://{host}/v2/{project}" if project else f"https://{host}"
                yield Way(name, url, path, f"https://{last}" if last else "")


def toml_of(text: str) -> dict[str, Any]:
    """Return a TOML file; an empty one if it is none."""
    try:
        return parse_toml(text)
    except ValueError:
        return {}


def yaml_of(text: str) -> dict[str, Any]:
    """Return a YAML file; an empty one if it is none, or no mapping."""
    from moor.formats.yaml_text import parse_yaml  # few hosts have such a file

    try:
        found = parse_yaml(text) if text.strip() else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


Address = IPv4Address | IPv6Address


def hosts_entries(text: str) -> Iterator[tuple[Address, list[str], bool]]:
    """Yield address, names, and whether the line is in moor's block, for each line of a hosts file."""
    inside = False
    for line in text.splitlines():
        inside = (inside or line.strip() == "# BEGIN moor") and line.strip() != "# END moor"
        address, *names = line.partition("#")[0].split() or [""]
        try:
            yield ip_address(address), [name.lower() for name in names], inside
        except ValueError:
            continue
