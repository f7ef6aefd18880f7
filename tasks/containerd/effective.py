"""What is wrong with what a containerd reads that an edit of its configuration does not mend; pure.

Everything is judged as it will be once moor has edited its own file, so that what an apply mends is no fault here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import dirname, normpath

from moor.errors import HostError
from moor.formats.toml import Tree, laid
from moor.tasks.containerd.config import BY_DIRECTORY, CRI, PLUGIN, RegistryLookup, edited, newest, ours, release_of
from moor.tasks.containerd.dropin import drop_in
from moor.tasks.containerd.reads import MERGED, MIGRATED, Reads, imported, plugin_of, table, trees_of, version_of

IMAGES = PLUGIN[3]


@dataclass(frozen=True)
class Expected:
    """What a containerd should come to.

    Attributes:
        wanted: with the file that its process is started with
        drop_in: the file that moor writes instead of that one, which imports it; empty where moor edits that one itself
    """

    wanted: RegistryLookup
    drop_in: str = ""

    @property
    def config(self) -> str:
        return normpath(self.wanted.path)

    @property
    def target(self) -> str:
        return normpath(self.drop_in or self.config)


@dataclass(frozen=True)
class ConfigFault:
    """One thing that is wrong, with the file that says so, and what a person does about it."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


def faults(reads: Reads, expected: Expected) -> list[ConfigFault]:
    """Return what keeps the wanted registry directory from being in effect, whatever moor writes into its file."""
    try:
        release = release_of(reads.version)
    except HostError:
        return []  # no containerd, or one that the edit refuses
    if reads.path != expected.config:
        return [_elsewhere(reads, expected)]
    found = [*_unreadable(reads, expected, release)]
    return found or [*_in_effect(reads, expected, release)]


def _elsewhere(reads: Reads, expected: Expected) -> ConfigFault:
    if not reads.told:
        what = f"containerd is started without --config, so that it reads {reads.path} and not {expected.config}"
        return ConfigFault(what, "take data.containerd.config out of the inventory")
    what = f"containerd is started with --config {reads.path}, so that nothing in {expected.config} counts"
    return ConfigFault(what, f"write data.containerd.config: {reads.path}")


def _unreadable(reads: Reads, expected: Expected, release: tuple[int, int]) -> Iterator[ConfigFault]:
    """Yield what would keep containerd from its next start, in files that moor does not write."""
    trees, wrong = trees_of(reads.files)
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
        if path != reads.path and version_of(tree) > newest(release):
            what = f"{path}: version {version_of(tree)} is newer than containerd {release[0]}.{release[1]} reads"
            yield ConfigFault(what, f"write it as version {newest(release)}")


def _parent(path: str, reads: Reads, trees: dict[str, Tree]) -> str:
    parents = (one for one, tree in trees.items() if path in imported(one, tree.get("imports", ()), reads.files))
    return next(parents, reads.path)


def _in_effect(reads: Reads, expected: Expected, release: tuple[int, int]) -> Iterator[ConfigFault]:
    before = reads.files.get(expected.target) or ""
    try:
        if expected.drop_in:
            after = drop_in(reads, expected.wanted, expected.target)
        else:
            after = edited(before, reads.version, expected.wanted)
    except HostError:
        return  # told by the edit itself
    trees, _ = trees_of(reads.with_file(expected.target, after).files)
    registry = registry_of(list(trees.values()), release)
    yield from _disabled(trees)
    yield from _without_default(trees, release)
    if release < BY_DIRECTORY:
        named = table(registry, "configs", expected.wanted.registry.host_port, "tls")
        if named.get("ca_file") != expected.wanted.ca:
            yield _replaced(trees, expected, release, "the registry's CA")
        return
    yield from _beside(trees, registry, expected)
    path = str(registry.get("config_path", ""))
    if normpath(path) != normpath(expected.wanted.config_path):
        yield _replaced(trees, expected, release, "config_path")
    elif before == after and reads.in_effect is not None and normpath(reads.in_effect) != normpath(path):
        what = (
            f"containerd says that config_path = {reads.in_effect!r} is in effect, and {expected.target} says {path!r}"
        )
        yield ConfigFault(what, f"compare {', '.join(trees)} with what containerd config dump prints")


def registry_of(trees: list[Tree], release: tuple[int, int]) -> Tree:
    """Return the table of registries that counts for pulls by the CRI."""
    old, new = (plugin_of(trees, PLUGIN[version], release) for version in (2, 3))
    version = next((v for v in map(version_of, reversed(trees)) if v), 2)
    if release < MERGED:
        return table(old, "registry")
    if release >= MIGRATED:
        whole: Tree = {}
        for tree in trees:
            whole = laid(whole, laid(table(tree, "plugins", PLUGIN[2]), table(tree, "plugins", IMAGES)))
        return table(whole, "registry")
    return table(new if version > 2 else laid(new, old), "registry")


def _disabled(trees: dict[str, Tree]) -> Iterator[ConfigFault]:
    for path, tree in trees.items():
        names = tree.get("disabled_plugins", ())
        if isinstance(names, list) and CRI & {name for name in names if isinstance(name, str)}:
            what = f"{path}: disabled_plugins names the plugin by which kubelet pulls"
            yield ConfigFault(what, "take it out there, and restart containerd")


def _without_default(trees: dict[str, Tree], release: tuple[int, int]) -> Iterator[ConfigFault]:
    """Yield a CRI that does not load, since its runtimes took the place of the one that pods get by default."""
    cri = plugin_of(list(trees.values()), PLUGIN[2], release)
    runtimes = table(cri, "containerd", "runtimes")
    default = table(cri, "containerd").get("default_runtime_name", "runc")
    if BY_DIRECTORY <= release < MERGED and runtimes and default not in runtimes:
        said = [path for path, tree in trees.items() if PLUGIN[2] in table(tree, "plugins")]
        name = f"[plugins.{PLUGIN[2]!r}.containerd.runtimes.{default}]"
        what = f"{said[-1]} has runtimes without {default!r}, the default one, so that the CRI does not load"
        yield ConfigFault(what, f"add {name} there, for runc with runtime_type = 'io.containerd.runc.v2'")


def _beside(trees: dict[str, Tree], registry: Tree, expected: Expected) -> Iterator[ConfigFault]:
    """Yield the older ways of naming registries beside config_path, with which the plugin does not load."""
    hosts = [*(("mirrors", host) for host in table(registry, "mirrors"))]
    hosts += [("configs", h) for h in table(registry, "configs") if "tls" in table(registry, "configs", h)]
    for kind, host in hosts:
        insecure = kind == "configs" and table(registry, kind, host, "tls").get("insecure_skip_verify")
        unverified = "; it turns the check of the certificate off" if insecure and ours(host, expected.wanted) else ""
        for path, tree in trees.items():
            if any(host in table(tree, "plugins", plugin, "registry", kind) for plugin in set(PLUGIN.values())):
                what = f"{path}: registry.{kind}.{host!r} keeps the CRI from loading beside config_path{unverified}"
                place = f"{expected.wanted.config_path}/{host}/hosts.toml"
                yield ConfigFault(
                    what, "take it out" if ours(host, expected.wanted) else f"say it in {place}, then take it out"
                )


def _replaced(trees: dict[str, Tree], expected: Expected, release: tuple[int, int], what: str) -> ConfigFault:
    """Name the file that takes the registry's table of moor's own file out of effect."""
    there, target = f"{release[0]}.{release[1]}", expected.target
    own = trees.get(target, {})
    versions = {path: version_of(tree) for path, tree in trees.items()}
    newer = [path for path, version in versions.items() if version > 2 >= version_of(own) and path != target]
    if MERGED <= release < MIGRATED and newer:
        said = f"{newer[-1]} declares version {versions[newer[-1]]}, beside which containerd {there} reads no table of "
        said += f"the CRI in {target}, of version 2, {what} included"
        return ConfigFault(
            said, f"write both in one version: containerd --config {expected.config} config migrate prints it"
        )
    plugins = set(PLUGIN.values())
    with_table = [p for p, tree in trees.items() if p != target and plugins & set(table(tree, "plugins"))]
    culprit = with_table[-1] if with_table else target
    if release < MERGED:
        said = f"{culprit} replaces the whole table plugins.{PLUGIN[2]!r} of {target}, {what} included: "
        said += f"containerd {there} takes a plugin's table from the last file that has one"
        mine = f"{dirname(culprit)}/zz-moor.toml"
        return ConfigFault(
            said, f"bring both tables together in {target}, or write data.containerd.drop_in: {mine}, which has both"
        )
    return ConfigFault(f"{culprit} takes the place of what {target} says of {what}", f"take {what} out of {culprit}")
