"""The site that import reads: the one that is there, or one made of hosts that the user names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from moor.cli.commands.import_options import ImportOptions
from moor.cli.options import Options
from moor.errors import InputError
from moor.inventory.cluster import NODES, entry_of_node
from moor.inventory.nodes import Node, read_nodes
from moor.settings.config import CONFIG, InventoryOptions
from moor.settings.fleet import NAME

CONTROL_PLANE = "control_plane"  # the group of the host that stands for the cluster
FILES = InventoryOptions()
NEW_CONFIG = (
    "# Nornir's own settings, and moor's; paths are relative to this file.\ninventory: {plugin: FleetInventory}\n"
)


@contextmanager
def site_to_read(options: Options, names: Sequence[str], wanted: ImportOptions) -> Iterator[tuple[Path, bool]]:
    """Yield the directory of the site to read, and whether it is a user's; one is made of hosts that are named."""
    site = (options.site or Path.cwd()).expanduser().absolute()
    if not names and not (wanted.kubeconfig and not (site / CONFIG).is_file()):
        if not (site / CONFIG).is_file():
            raise InputError(_no_site(site))
        yield site, True
        return
    entries = _named(names)
    if wanted.kubeconfig:
        entries = _with_nodes(entries, read_nodes(wanted.kubeconfig.expanduser().absolute(), ""))
    with tempfile.TemporaryDirectory(prefix="moor-import-") as made:
        _make_site(Path(made), entries, wanted)
        yield Path(made), False


def _no_site(site: Path) -> str:
    if (site / FILES.host_file).is_file():
        return f"import: {site} has {FILES.host_file} and no {CONFIG}; an empty one makes it a site: touch {CONFIG}"
    return (
        f"import: {site} has no {CONFIG}; name hosts, as in moor import node1=10.0.0.31 --user ops, "
        "or a cluster by --kubeconfig FILE"
    )


def refuse_missing(wanted: ImportOptions) -> None:
    """Raise InputError for each file that is named and is not there."""
    named = {"--kubeconfig": wanted.kubeconfig, "--key": wanted.key, "--known-hosts": wanted.known_hosts}
    missing = [f"import: {word} {path}: no such file" for word, path in named.items() if path and not _is_file(path)]
    if missing:
        raise InputError("\n".join(missing))


def _is_file(path: Path) -> bool:
    return path.expanduser().is_file()


def _named(words: Sequence[str]) -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    for word in words:
        name, _, address = word.partition("=")
        if not NAME.fullmatch(name):
            raise InputError(f"import: {word}: write a host as NAME or NAME=ADDRESS")
        if name in entries:
            raise InputError(f"import: {word}: {name} is named twice; write each host once")
        entries[name] = {"hostname": address} if address else {}
    return entries


def _with_nodes(entries: Mapping[str, dict[str, Any]], nodes: Sequence[Node]) -> dict[str, dict[str, Any]]:
    """Return the hosts with the cluster's nodes; the first of the control plane stands for the cluster."""
    found = dict(entries)
    leader = next((node.name for node in nodes if node.leads), "")
    for node in nodes:
        named = next((n for n, e in entries.items() if n == node.name or e.get("hostname") in node.addresses), "")
        if not named and node.addresses:
            named, found[node.name] = node.name, entry_of_node(node)
        if named and node.name == leader:
            found[named] = {**found[named], "groups": [CONTROL_PLANE, NODES]}
    return found


def _make_site(site: Path, entries: Mapping[str, Mapping[str, Any]], wanted: ImportOptions) -> None:
    extras: dict[str, Any] = {}
    if wanted.key:
        extras["key_file"] = str(wanted.key.expanduser().absolute())
    if wanted.known_hosts:
        extras["known_hosts"] = str(wanted.known_hosts.expanduser().absolute())
    defaults: dict[str, Any] = {"username": wanted.user} if wanted.user else {}
    if extras:
        defaults["connection_options"] = {"shell": {"extras": extras}}
    groups: dict[str, Any] = {str(group): {} for entry in entries.values() for group in entry.get("groups", ())}
    (site / "inventory").mkdir()
    (site / CONFIG).write_text(NEW_CONFIG)
    for path, tree in ((FILES.host_file, entries), (FILES.group_file, groups), (FILES.defaults_file, defaults)):
        (site / path).write_text(_yaml(tree))


def _yaml(tree: Mapping[str, Any]) -> str:
    def written(value: Any) -> Any:
        if isinstance(value, Mapping):
            return CommentedMap({key: written(below) for key, below in value.items()})
        if isinstance(value, list):
            (row := CommentedSeq(value)).fa.set_flow_style()
            return row
        return value

    yaml, out = YAML(typ="rt", pure=True), StringIO()
    yaml.dump(written(tree), out)
    return out.getvalue() if tree else ""
