"""The edit of containerd's config.toml after which it looks up registries in one directory; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from posixpath import normpath

from moor.errors import ErrorKind, HostError
from moor.formats.toml import Document, is_same, merge, parse_toml, rewrite
from moor.tasks.containerd.settings import CONFIG
from moor.tasks.facts import Registry

OLDEST = (1, 4)
DIRECTORY_LOOKUP = (1, 5)  # the first release that looks up registries in a directory
# The release that introduced each version of the file; it reads older versions too. Version 4 moves no plugin table.
# Source: containerd's docs/cri/config.md and RELEASES.md
FIRST_RELEASE = {2: (1, 3), 3: (2, 0), 4: (2, 3)}
PLUGIN = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.images", 4: "io.containerd.cri.v1.images"}
CRI = {"cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"}
PUBLIC_MIRRORS = {
    "docker.io": ["https://registry-1.docker.io"]
}  # the mirror that old defaults wrote down: it mirrors nothing


@dataclass(frozen=True)
class RegistryLookup:
    """How containerd finds the registry: the desired part of its configuration file.

    Attributes:
        config_path: the only directory in which containerd looks up registries
        extra: more settings, merged over those in the file
        path: the configuration file
        sandbox_image: of which every pod's sandbox is made; empty leaves it as it is
    """

    registry: Registry
    config_path: str
    extra: Document = field(default_factory=dict)
    path: str = CONFIG
    sandbox_image: str = ""

    @property
    def hosts(self) -> frozenset[str]:
        """Return every name and address by which a file may refer to the registry, each with and without the port."""
        addresses = (f"[{one}]" if one.version == 6 else str(one) for one in self.registry.every_address)
        names = (*self.registry.names, *addresses)
        return frozenset(f"{name}{port}" for name in names for port in ("", f":{self.registry.port}"))

    @property
    def directory(self) -> str:
        """Return the registry's directory below ``config_path``."""
        return f"{self.config_path}/{self.registry.host_port}"

    @property
    def ca(self) -> str:
        """Return the path of the registry's CA."""
        return f"{self.directory}/ca.crt"


def edit_config(content: str, version_output: str, lookup: RegistryLookup) -> str:
    """Return config.toml with the settings of ``lookup``.

    Args:
        version_output: the output of ``containerd --version``

    Raises:
        HostError: containerd is missing or too old, or the file has a setting that only its owner can resolve.
    """
    release = release_of(version_output)
    try:
        if not _version(content, lookup):
            content = f"version = {newest_version(release)}\n{_without_version(content)}"
        return rewrite(content, partial(_change, release=release, lookup=lookup))
    except (ValueError, TypeError, AttributeError) as error:
        raise HostError(f"{lookup.path}: {error}; mend it, or move it away to have containerd's defaults") from None


def release_of(version_output: str) -> tuple[int, int]:
    """Parse the output of ``containerd --version``; raise HostError if it is missing, malformed or too old."""
    if not version_output:
        raise HostError("there is no containerd; a node needs it before it can be configured")
    found = re.search(r"\sv?(\d+)\.(\d+)", version_output)
    if not found:
        raise HostError(
            f"containerd --version printed {version_output[:100]!r}, which moor cannot read", ErrorKind.ANSWER
        )
    release = int(found[1]), int(found[2])
    if release < OLDEST:
        raise HostError(f"containerd {release[0]}.{release[1]} is older than moor knows; upgrade it to 1.6 or newer")
    return release


def newest_version(release: tuple[int, int]) -> int:
    """Return the newest version of the file that a release reads."""
    return max(version for version, since in FIRST_RELEASE.items() if since <= release)


def _version(content: str, lookup: RegistryLookup) -> int:
    """Return the version that the file declares; 0 if it declares none and has no version-dependent settings."""
    tree = parse_toml(content)
    version = tree.get("version", 1)
    if type(version) is not int or version < 1:
        raise ValueError(f"version is {str(version)[:80]!r}, which is not a version of the file format")
    if version != 1:
        return version
    plain = "plugins" not in tree and not tree.get("required_plugins")
    if plain and set(tree.get("disabled_plugins", ())) <= CRI:
        return 0
    raise HostError(
        f"{lookup.path}: no version is declared, so containerd reads its plugins by their names of version 1; "
        "write version = 2 and the names that `containerd config default` shows"
    )


def _without_version(content: str) -> str:
    return rewrite(content, lambda tree: {key: value for key, value in tree.items() if key != "version"})


def sandbox_table(lookup: RegistryLookup, version: int) -> Document:
    """Return the setting of the sandbox's image, by version of the file.

    References:
        containerd, docs/cri/config.md; version 3 has it among the images that are never collected
    """
    if not lookup.sandbox_image:
        return {}
    key = (
        {"sandbox_image": lookup.sandbox_image} if version < 3 else {"pinned_images": {"sandbox": lookup.sandbox_image}}
    )
    return {"plugins": {PLUGIN[version]: key}}


def _change(tree: Document, release: tuple[int, int], lookup: RegistryLookup) -> Document:
    version = int(tree["version"])
    if version > newest_version(release):
        raise HostError(f"{lookup.path}: {_too_new(version, release)}")
    plugin = PLUGIN[version]
    tree = merge(merge(tree, sandbox_table(lookup, version)), lookup.extra)
    if CRI & set(tree.get("disabled_plugins", ())):
        tree["disabled_plugins"] = [name for name in tree["disabled_plugins"] if name not in CRI]
    former = tree.get("plugins", {}).get(plugin, {}).get("registry", {})
    table = f"plugins.{plugin!r}.registry"
    registry = registry_table(former, release, lookup, table)
    tree = merge(tree, {"plugins": {plugin: {"registry": {}}}})
    tree["plugins"][plugin]["registry"] = registry
    return tree


def registry_table(
    former: Document, release: tuple[int, int], lookup: RegistryLookup, name: str = "registry"
) -> Document:
    """Return the registry table that replaces ``former``.

    Args:
        name: the table's name in error messages

    Raises:
        HostError: the table has a setting that only its owner can resolve.
    """
    if release < DIRECTORY_LOOKUP:
        return _table_by_name(former, lookup)
    return {**_without_leftovers(former, name, lookup), "config_path": _checked_directory(former, name, lookup)}


def _too_new(version: int, release: tuple[int, int]) -> str:
    known = FIRST_RELEASE.get(version)
    installed = f"{release[0]}.{release[1]}"
    if known is None:
        return (
            f"version {version} is newer than moor knows, which is {max(FIRST_RELEASE)}; this is containerd {installed}"
        )
    return f"version {version} is for containerd {known[0]}.{known[1]} and later; this is {installed}"


def _table_by_name(registry: Document, lookup: RegistryLookup) -> Document:
    """Return the registry table for a containerd without config_path, which reads the CA named here at every pull.

    References:
        containerd/cri release/1.4, pkg/server/image_pull.go
    """
    mirrors = {
        host: mirror for host, mirror in registry.get("mirrors", {}).items() if not is_registry_key(host, lookup)
    }
    configs = {
        host: _without_tls(its) if is_registry_key(host, lookup) else its
        for host, its in registry.get("configs", {}).items()
    }
    name = lookup.registry.host_port
    own = {**configs.get(name, {}), "tls": {"ca_file": lookup.ca}}
    kept = {**registry, "configs": {**{host: its for host, its in configs.items() if its}, name: own}}
    return {**kept, "mirrors": mirrors} if "mirrors" in registry else kept


def _checked_directory(registry: Document, table: str, lookup: RegistryLookup) -> str:
    """Return the only directory; the two directories of containerd 2.2's default are one name to its default puller."""
    found = [part for part in str(registry.get("config_path", "")).split(":") if part]
    if found and normpath(lookup.config_path) not in map(normpath, found):
        raise HostError(
            f"{lookup.path}: {table} has config_path = {':'.join(found)!r}; name that in data.containerd.config_path, "
            f"or move what it holds to {lookup.config_path} and remove the key"
        )
    return lookup.config_path


def _without_leftovers(registry: Document, table: str, lookup: RegistryLookup) -> Document:
    """Return the table without the settings that stop the plugin from loading beside config_path; logins stay."""
    foreign = [*_foreign_mirrors(registry, table, lookup), *_foreign_tls(registry, table, lookup)]
    if foreign:
        raise HostError("\n".join(foreign))
    kept = {key: value for key, value in registry.items() if not (key == "mirrors" and value)}
    configs = {host: _without_tls(its) for host, its in registry.get("configs", {}).items()}
    if is_same(configs, registry.get("configs", {})):
        return kept
    return {**kept, "configs": {host: its for host, its in configs.items() if its}}


def _without_tls(config: Document) -> Document:
    return {key: value for key, value in config.items() if key != "tls"}


def _foreign_mirrors(registry: Document, table: str, lookup: RegistryLookup) -> Iterator[str]:
    for host, mirror in registry.get("mirrors", {}).items():
        if not is_registry_key(host, lookup) and mirror.get("endpoint") != PUBLIC_MIRRORS.get(host, ()):
            yield _move_to_hosts_toml(f"{table}.mirrors.{host!r}", host, lookup)


def _foreign_tls(registry: Document, table: str, lookup: RegistryLookup) -> Iterator[str]:
    for host, config in registry.get("configs", {}).items():
        if "tls" in config and not is_registry_key(host, lookup):
            yield _move_to_hosts_toml(f"{table}.configs.{host!r}.tls", host, lookup)


def is_registry_key(host: str, lookup: RegistryLookup) -> bool:
    """Return whether a key of mirrors or configs refers to the registry."""
    return re.sub(r"^https?://|/$", "", host) in lookup.hosts


def _move_to_hosts_toml(table: str, host: str, lookup: RegistryLookup) -> str:
    return (
        f"{lookup.path}: {table} keeps containerd from loading beside config_path; "
        f"say the same in {lookup.config_path}/{host}/hosts.toml, then remove the table"
    )
