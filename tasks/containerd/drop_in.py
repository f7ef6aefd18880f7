"""A file of moor's own that containerd's configuration imports, for a configuration that moor must not edit; pure."""

from __future__ import annotations

from collections.abc import Mapping
from posixpath import dirname

from moor.errors import HostError
from moor.formats.toml import Document, merge
from moor.tasks.containerd.config import (
    CRI,
    PLUGIN,
    RegistryLookup,
    newest_version,
    registry_table,
    release_of,
    sandbox_table,
)
from moor.tasks.containerd.loaded_config import (
    MERGE_SINCE,
    LoadedConfig,
    load_order,
    parse_files,
    plugin_table,
    subtable,
    version_of,
)

HEAD = "# Written by moor: change it by data.containerd in the inventory.\n"
COPIED = (
    "# Before 2.0, containerd takes a plugin's table from the last file that has one: this is what all files say.\n"
)
RUNC = {"runtime_type": "io.containerd.runc.v2"}  # containerd's default, which is lost when a file lists other runtimes


def build_drop_in(reads: LoadedConfig, lookup: RegistryLookup, path: str) -> str:
    """Return the content of moor's own file, given the other files that containerd reads.

    Args:
        path: moor's own file

    Raises:
        HostError: no file imports it, a later file overrides it, or a file has a setting that only its owner can
            resolve.
    """
    release = release_of(reads.version)
    trees, _ = parse_files(reads.files)
    _refuse_unimported(reads, path)
    others = {name: tree for name, tree in trees.items() if name != path}
    for name, other in others.items():
        if CRI & set(other.get("disabled_plugins", ())):
            raise HostError(f"{name}: disabled_plugins names the plugin by which kubelet pulls; take it out")
    _refuse_later(reads, others, path)
    if release < MERGE_SINCE:
        whole = with_runc(plugin_table(list(others.values()), PLUGIN[2], MERGE_SINCE))
        registry = registry_table(subtable(whole, "registry"), release, lookup)
        tree: Document = {"version": 2, "plugins": {PLUGIN[2]: {**whole, "registry": registry}}}
        return HEAD + COPIED + _dumped(merge(merge(tree, sandbox_table(lookup, 2)), lookup.extra))
    version = next((v for v in map(version_of, reversed(list(others.values()))) if v), newest_version(release))
    tree = {"version": version, "plugins": {PLUGIN[version]: {"registry": {"config_path": lookup.config_path}}}}
    return HEAD + _dumped(merge(merge(tree, sandbox_table(lookup, version)), lookup.extra))


def with_runc(cri: Document) -> Document:
    """Return the CRI's table with the default runtime runc added, if the table lists runtimes without it."""
    runtimes = subtable(cri, "containerd", "runtimes")
    default = subtable(cri, "containerd").get("default_runtime_name", "runc")
    if not runtimes or default in runtimes or default != "runc":
        return cri
    return merge(cri, {"containerd": {"runtimes": {"runc": RUNC}}})


def _refuse_unimported(reads: LoadedConfig, path: str) -> None:
    if reads.files.get(reads.path) is None:
        raise HostError(f"{reads.path} is not there to import {path}; make it, or take data.containerd.drop_in out")
    if path not in load_order(reads.path, {**reads.files, path: ""}):
        line = f'imports = ["{dirname(path)}/*.toml"]'
        raise HostError(f"{reads.path} does not import {path}; write {line} into it, or name a file that it imports")


def _refuse_later(reads: LoadedConfig, others: Mapping[str, Document], path: str) -> None:
    order = load_order(reads.path, {**reads.files, path: ""})
    after = order[order.index(path) + 1 :]
    plugins = set(PLUGIN.values())
    late = [name for name in after if plugins & set(subtable(others.get(name, {}), "plugins"))]
    if late:
        raise HostError(
            f"{late[-1]} is read after {path} and has a table of the CRI; give data.containerd.drop_in a name that "
            "sorts behind it"
        )


def _dumped(tree: Document) -> str:
    import tomlkit  # imported late: most runs build no drop-in

    return tomlkit.dumps(tree)
