"""Faults in the files that a containerd reads that editing moor's own file does not mend; pure.

The files are judged as they will be after moor's edit, so anything that an apply mends is not a fault here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import dirname, normpath

from moor.errors import HostError
from moor.formats.toml import Document, merge
from moor.tasks.containerd.config import (
    CRI,
    DIRECTORY_LOOKUP,
    PLUGIN,
    RegistryLookup,
    edit_config,
    is_registry_key,
    newest_version,
    release_of,
)
from moor.tasks.containerd.drop_in import build_drop_in
from moor.tasks.containerd.loaded_config import (
    MERGE_SINCE,
    MIGRATE_SINCE,
    LoadedConfig,
    parse_files,
    plugin_table,
    resolve_imports,
    subtable,
    version_of,
)

IMAGES = PLUGIN[3]


@dataclass(frozen=True)
class ExpectedConfig:
    """The desired configuration of a containerd.

    Attributes:
        lookup: the registry's settings, and the file that containerd is started with
        drop_in: the file that moor writes instead and that containerd's file imports; empty if moor edits that file
    """

    lookup: RegistryLookup
    drop_in: str = ""

    @property
    def config(self) -> str:
        return normpath(self.lookup.path)

    @property
    def target(self) -> str:
        return normpath(self.drop_in or self.config)


@dataclass(frozen=True)
class ConfigFault:
    """One fault, with the file that has it, and its remedy."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


def find_faults(reads: LoadedConfig, expected: ExpectedConfig) -> list[ConfigFault]:
    """Return the faults that keep the registry's directory out of effect whatever moor writes into its own file."""
    try:
        release = release_of(reads.version)
    except HostError:
        return []  # containerd is missing or too old, which the edit reports
    if reads.path != expected.config:
        return [_other_file(reads, expected)]
    found = [*_unreadable(reads, expected, release)]
    return found or [*_not_in_effect(reads, expected, release)]


def _other_file(reads: LoadedConfig, expected: ExpectedConfig) -> ConfigFault:
    if not reads.is_named:
        what = f"containerd is started without --config, so that it reads {reads.path} and not {expected.config}"
        return ConfigFault(what, "take data.containerd.config out of the inventory")
    what = f"containerd is started with --config {reads.path}, so that nothing in {expected.config} counts"
    return ConfigFault(what, f"write data.containerd.config: {reads.path}")


def _unreadable(reads: LoadedConfig, expected: ExpectedConfig, release: tuple[int, int]) -> Iterator[ConfigFault]:
    """Yield the faults in other files for which containerd would fail to start again."""
    trees, wrong = parse_files(reads.files)
    for path, content in reads.files.items():
        if content is None and path not in (reads.path, expected.target):
            what = f"{path} is imported and not there, with which containerd does not start"
            yield ConfigFault(what, f"put it there, or take it out of the imports in {_parent(path, reads, trees)}")
    for path, why in wrong.items():
        if path not in (reads.path, expected.target):
            yield ConfigFault(
                f"{path}: not TOML: {why}, with which containerd does not start", "mend it or move it away"
            )
    for path, tree in trees.items():
        if path != reads.path and version_of(tree) > newest_version(release):
            what = f"{path}: version {version_of(tree)} is newer than containerd {release[0]}.{release[1]} reads"
            yield ConfigFault(what, f"write it as version {newest_version(release)}")


def _parent(path: str, reads: LoadedConfig, trees: dict[str, Document]) -> str:
    parents = (one for one, tree in trees.items() if path in resolve_imports(one, tree.get("imports", ()), reads.files))
    return next(parents, reads.path)


def _not_in_effect(reads: LoadedConfig, expected: ExpectedConfig, release: tuple[int, int]) -> Iterator[ConfigFault]:
    before = reads.files.get(expected.target) or ""
    try:
        if expected.drop_in:
            after = build_drop_in(reads, expected.lookup, expected.target)
        else:
            after = edit_config(before, reads.version, expected.lookup)
    except HostError:
        return  # the edit itself reports it
    trees, _ = parse_files(reads.with_file(expected.target, after).files)
    registry = registry_table_in_effect(list(trees.values()), release)
    yield from _disabled(trees)
    yield from _without_default(trees, release)
    if release < DIRECTORY_LOOKUP:
        named = subtable(registry, "configs", expected.lookup.registry.host_port, "tls")
        if named.get("ca_file") != expected.lookup.ca:
            yield _replaced(trees, expected, release, "the registry's CA")
        return
    yield from _older_tables(trees, registry, expected)
    path = str(registry.get("config_path", ""))
    if normpath(path) != normpath(expected.lookup.config_path):
        yield _replaced(trees, expected, release, "config_path")
    elif before == after and reads.in_effect is not None and normpath(reads.in_effect) != normpath(path):
        what = (
            f"containerd says that config_path = {reads.in_effect!r} is in effect, and {expected.target} says {path!r}"
        )
        yield ConfigFault(what, f"compare {', '.join(trees)} with what containerd config dump prints")


def registry_table_in_effect(trees: list[Document], release: tuple[int, int]) -> Document:
    """Return the registry table in effect for pulls by kubelet."""
    old, new = (plugin_table(trees, PLUGIN[version], release) for version in (2, 3))
    version = next((v for v in map(version_of, reversed(trees)) if v), 2)
    if release < MERGE_SINCE:
        return subtable(old, "registry")
    if release >= MIGRATE_SINCE:
        whole: Document = {}
        for tree in trees:
            whole = merge(whole, merge(subtable(tree, "plugins", PLUGIN[2]), subtable(tree, "plugins", IMAGES)))
        return subtable(whole, "registry")
    return subtable(new if version > 2 else merge(new, old), "registry")


def _disabled(trees: dict[str, Document]) -> Iterator[ConfigFault]:
    for path, tree in trees.items():
        names = tree.get("disabled_plugins", ())
        if isinstance(names, list) and CRI & {name for name in names if isinstance(name, str)}:
            what = f"{path}: disabled_plugins names the plugin by which kubelet pulls"
            yield ConfigFault(what, "take it out there, and restart containerd")


def _without_default(trees: dict[str, Document], release: tuple[int, int]) -> Iterator[ConfigFault]:
    """Yield a fault if the CRI does not load because a file lists runtimes without the default one."""
    cri = plugin_table(list(trees.values()), PLUGIN[2], release)
    runtimes = subtable(cri, "containerd", "runtimes")
    default = subtable(cri, "containerd").get("default_runtime_name", "runc")
    if DIRECTORY_LOOKUP <= release < MERGE_SINCE and runtimes and default not in runtimes:
        paths = [path for path, tree in trees.items() if PLUGIN[2] in subtable(tree, "plugins")]
        name = f"[plugins.{PLUGIN[2]!r}.containerd.runtimes.{default}]"
        what = f"{paths[-1]} has runtimes without {default!r}, the default one, so that the CRI does not load"
        yield ConfigFault(what, f"add {name} there, for runc with runtime_type = 'io.containerd.runc.v2'")


def _older_tables(trees: dict[str, Document], registry: Document, expected: ExpectedConfig) -> Iterator[ConfigFault]:
    """Yield the mirrors and TLS tables beside config_path, with which the CRI plugin does not load."""
    hosts = [*(("mirrors", host) for host in subtable(registry, "mirrors"))]
    hosts += [("configs", h) for h in subtable(registry, "configs") if "tls" in subtable(registry, "configs", h)]
    for kind, host in hosts:
        insecure = kind == "configs" and subtable(registry, kind, host, "tls").get("insecure_skip_verify")
        unverified = (
            "; it turns the check of the certificate off" if insecure and is_registry_key(host, expected.lookup) else ""
        )
        for path, tree in trees.items():
            if any(host in subtable(tree, "plugins", plugin, "registry", kind) for plugin in set(PLUGIN.values())):
                what = f"{path}: registry.{kind}.{host!r} keeps the CRI from loading beside config_path{unverified}"
                place = f"{expected.lookup.config_path}/{host}/hosts.toml"
                yield ConfigFault(
                    what,
                    "take it out" if is_registry_key(host, expected.lookup) else f"say it in {place}, then take it out",
                )


def _replaced(trees: dict[str, Document], expected: ExpectedConfig, release: tuple[int, int], what: str) -> ConfigFault:
    """Return the fault of the file that overrides the registry table in moor's own file."""
    installed, target = f"{release[0]}.{release[1]}", expected.target
    own = trees.get(target, {})
    versions = {path: version_of(tree) for path, tree in trees.items()}
    newer = [path for path, version in versions.items() if version > 2 >= version_of(own) and path != target]
    if MERGE_SINCE <= release < MIGRATE_SINCE and newer:
        problem = f"{newer[-1]} declares version {versions[newer[-1]]}, beside which containerd {installed} reads no "
        problem += f"table of the CRI in {target}, of version 2, {what} included"
        return ConfigFault(
            problem, f"write both in one version: containerd --config {expected.config} config migrate prints it"
        )
    plugins = set(PLUGIN.values())
    with_table = [p for p, tree in trees.items() if p != target and plugins & set(subtable(tree, "plugins"))]
    culprit = with_table[-1] if with_table else target
    if release < MERGE_SINCE:
        problem = f"{culprit} replaces the whole table plugins.{PLUGIN[2]!r} of {target}, {what} included: "
        problem += f"containerd {installed} takes a plugin's table from the last file that has one"
        mine = f"{dirname(culprit)}/zz-moor.toml"
        return ConfigFault(
            problem,
            f"bring both tables together in {target}, or write data.containerd.drop_in: {mine}, which has both",
        )
    return ConfigFault(f"{culprit} takes the place of what {target} says of {what}", f"take {what} out of {culprit}")
