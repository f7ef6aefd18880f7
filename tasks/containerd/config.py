"""What containerd's own configuration must say so that it looks for registries in one directory; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from posixpath import normpath

from moor.errors import ErrorKind, HostError
from moor.formats.toml import Tree, laid, loaded, rewritten, same
from moor.tasks.facts import Registry

CONFIG = "/etc/containerd/config.toml"
OLDEST = (1, 4)
DIRECTORY_LOOKUP = (1, 5)  # the first that looks for registries in a directory
# The containerd that came with each version of the file, and reads all before it; what 4 moves are no plugin's tables.
# Source: containerd's docs/cri/config.md and RELEASES.md
FIRST_RELEASE = {2: (1, 3), 3: (2, 0), 4: (2, 3)}
PLUGIN = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.images", 4: "io.containerd.cri.v1.images"}
CRI = {"cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"}
PUBLIC_MIRRORS = {
    "docker.io": ["https://registry-1.docker.io"]
}  # the mirror that old defaults wrote down: it mirrors nothing


@dataclass(frozen=True)
class RegistryLookup:
    """What the file shall say.

    Attributes:
        config_path: the one directory of registries
        extra: more settings, laid over the file's own
        path: of the file
    """

    registry: Registry
    config_path: str
    extra: Tree = field(default_factory=dict)
    path: str = CONFIG

    @property
    def hosts(self) -> frozenset[str]:
        """Return every name by which a file may mean the registry, each with and without its port."""
        addresses = (f"[{one}]" if one.version == 6 else str(one) for one in self.registry.addresses)
        names = (*self.registry.names, *addresses)
        return frozenset(f"{name}{port}" for name in names for port in ("", f":{self.registry.port}"))

    @property
    def directory(self) -> str:
        """Return the registry's own directory."""
        return f"{self.config_path}/{self.registry.host_port}"

    @property
    def ca(self) -> str:
        """Return the file of the registry's CA."""
        return f"{self.directory}/ca.crt"


def edit_config(content: str, told: str, wanted: RegistryLookup) -> str:
    """Return config.toml as ``wanted`` has it.

    Args:
        told: what ``containerd --version`` printed

    Raises:
        HostError: containerd is missing or too old, or the file says what only its owner can resolve.
    """
    release = release_of(told)
    try:
        if not _version(content, wanted):
            content = f"version = {newest_version(release)}\n{_without_version(content)}"
        return rewritten(content, partial(_change, release=release, wanted=wanted))
    except (ValueError, TypeError, AttributeError) as error:
        raise HostError(f"{wanted.path}: {error}; mend it, or move it away to have containerd's defaults") from None


def release_of(told: str) -> tuple[int, int]:
    """Return the release that ``containerd --version`` printed; raises HostError where moor does not know it."""
    if not told:
        raise HostError("there is no containerd; a node needs it before it can be configured")
    found = re.search(r"\sv?(\d+)\.(\d+)", told)
    if not found:
        raise HostError(f"containerd told its version as {told[:100]!r}, which moor cannot read", ErrorKind.ANSWER)
    release = int(found[1]), int(found[2])
    if release < OLDEST:
        raise HostError(f"containerd {release[0]}.{release[1]} is older than moor knows; upgrade it to 1.6 or newer")
    return release


def newest_version(release: tuple[int, int]) -> int:
    """Return the newest version of the file that a containerd reads."""
    return max(version for version, since in FIRST_RELEASE.items() if since <= release)


def _version(content: str, wanted: RegistryLookup) -> int:
    """Return the version that the file declares; 0 where it declares none and none is needed to understand it."""
    tree = loaded(content)
    version = tree.get("version", 1)
    if type(version) is not int or version < 1:
        raise ValueError(f"version is {str(version)[:80]!r}, which is no version of the file")
    if version != 1:
        return version
    plain = "plugins" not in tree and not tree.get("required_plugins")
    if plain and set(tree.get("disabled_plugins", ())) <= CRI:
        return 0
    raise HostError(
        f"{wanted.path}: no version is declared, so containerd reads its plugins by their names of version 1; "
        "write version = 2 and the names that `containerd config default` shows"
    )


def _without_version(content: str) -> str:
    return rewritten(content, lambda tree: {key: value for key, value in tree.items() if key != "version"})


def _change(tree: Tree, release: tuple[int, int], wanted: RegistryLookup) -> Tree:
    version = int(tree["version"])
    if version > newest_version(release):
        raise HostError(f"{wanted.path}: {_too_new(version, release)}")
    plugin = PLUGIN[version]
    tree = laid(tree, wanted.extra)
    if CRI & set(tree.get("disabled_plugins", ())):
        tree["disabled_plugins"] = [name for name in tree["disabled_plugins"] if name not in CRI]
    former = tree.get("plugins", {}).get(plugin, {}).get("registry", {})
    table = f"plugins.{plugin!r}.registry"
    registry = registry_table(former, release, wanted, table)
    tree = laid(tree, {"plugins": {plugin: {"registry": {}}}})
    tree["plugins"][plugin]["registry"] = registry
    return tree


def registry_table(former: Tree, release: tuple[int, int], wanted: RegistryLookup, name: str = "registry") -> Tree:
    """Return the table of registries that takes the place of ``former``.

    Args:
        name: of the table, for errors

    Raises:
        HostError: it says what only its owner can resolve
    """
    if release < DIRECTORY_LOOKUP:
        return _table_by_name(former, wanted)
    return {**_without_leftovers(former, name, wanted), "config_path": _checked_directory(former, name, wanted)}


def _too_new(version: int, release: tuple[int, int]) -> str:
    known = FIRST_RELEASE.get(version)
    there = f"{release[0]}.{release[1]}"
    if known is None:
        return f"version {version} is newer than moor knows, which is {max(FIRST_RELEASE)}; this is containerd {there}"
    return f"version {version} is for containerd {known[0]}.{known[1]} and later; this is {there}"


def _table_by_name(registry: Tree, wanted: RegistryLookup) -> Tree:
    """Return the table of a containerd that knows no directory: it reads the CA that is named here at every pull.

    References:
        containerd/cri release/1.4, pkg/server/image_pull.go
    """
    mirrors = {
        host: mirror for host, mirror in registry.get("mirrors", {}).items() if not is_registry_key(host, wanted)
    }
    configs = {
        host: _without_tls(its) if is_registry_key(host, wanted) else its
        for host, its in registry.get("configs", {}).items()
    }
    name = wanted.registry.host_port
    named = {**configs.get(name, {}), "tls": {"ca_file": wanted.ca}}
    kept = {**registry, "configs": {**{host: its for host, its in configs.items() if its}, name: named}}
    return {**kept, "mirrors": mirrors} if "mirrors" in registry else kept


def _checked_directory(registry: Tree, table: str, wanted: RegistryLookup) -> str:
    """Give the one directory; containerd 2.2's default of two is read as one name by its own default puller."""
    found = [part for part in str(registry.get("config_path", "")).split(":") if part]
    if found and normpath(wanted.config_path) not in map(normpath, found):
        raise HostError(
            f"{wanted.path}: {table} has config_path = {':'.join(found)!r}; name that in data.containerd.config_path, "
            f"or move what it holds to {wanted.config_path} and remove the key"
        )
    return wanted.config_path


def _without_leftovers(registry: Tree, table: str, wanted: RegistryLookup) -> Tree:
    """Return the table without what keeps the plugin from loading once it has a config_path; its logins stay."""
    foreign = [*_foreign_mirrors(registry, table, wanted), *_foreign_tls(registry, table, wanted)]
    if foreign:
        raise HostError("\n".join(foreign))
    kept = {key: value for key, value in registry.items() if not (key == "mirrors" and value)}
    configs = {host: _without_tls(its) for host, its in registry.get("configs", {}).items()}
    if same(configs, registry.get("configs", {})):
        return kept
    return {**kept, "configs": {host: its for host, its in configs.items() if its}}


def _without_tls(config: Tree) -> Tree:
    return {key: value for key, value in config.items() if key != "tls"}


def _foreign_mirrors(registry: Tree, table: str, wanted: RegistryLookup) -> Iterator[str]:
    for host, mirror in registry.get("mirrors", {}).items():
        if not is_registry_key(host, wanted) and mirror.get("endpoint") != PUBLIC_MIRRORS.get(host, ()):
            yield _move_to_hosts_toml(f"{table}.mirrors.{host!r}", host, wanted)


def _foreign_tls(registry: Tree, table: str, wanted: RegistryLookup) -> Iterator[str]:
    for host, config in registry.get("configs", {}).items():
        if "tls" in config and not is_registry_key(host, wanted):
            yield _move_to_hosts_toml(f"{table}.configs.{host!r}.tls", host, wanted)


def is_registry_key(host: str, wanted: RegistryLookup) -> bool:
    """Return whether a key of mirrors or configs means the registry."""
    return re.sub(r"^https?://|/$", "", host) in wanted.hosts


def _move_to_hosts_toml(table: str, host: str, wanted: RegistryLookup) -> str:
    return (
        f"{wanted.path}: {table} keeps containerd from loading beside config_path; "
        f"say the same in {wanted.config_path}/{host}/hosts.toml, then remove the table"
    )
