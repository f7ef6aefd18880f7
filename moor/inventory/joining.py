"""Adding nodes of the cluster to hosts.yaml, whose existing lines stay as they are."""

from __future__ import annotations

import io
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nornir.core.inventory import Inventory
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from moor.errors import InputError, TooManyAliases
from moor.formats.nesting import refuse_growth
from moor.formats.splice import line_break
from moor.formats.yaml_text import rewrite
from moor.inventory.cluster import entry_of_node
from moor.inventory.files import FleetInventory
from moor.inventory.nodes import TALOS, Node, NodePairs
from moor.settings.access import SiteSettings
from moor.settings.fleet import NAME
from moor.settings.yaml_nodes import yaml_reader
from moor.suggestions import did_you_mean

Entries = Mapping[str, Mapping[str, Any]]


def adoptable_nodes(
    names: Iterable[str], hosts: Mapping[str, str], nodes: Sequence[Node], pairs: NodePairs
) -> list[Node]:
    """Return the nodes that can be added to the inventory under these names.

    Args:
        hosts: address by name of the hosts in the inventory's files
        pairs: which host is which node

    Raises:
        InputError: every name that cannot be added, with the reason.
    """
    strangers = {node.name: node for node in pairs.strangers}
    known = {node.name: "" for node in nodes} | {node.name: host for host, node in pairs.nodes.items()}
    wanted = list(dict.fromkeys(names))
    faults = {name: _fault(name, hosts, strangers, known) for name in wanted}
    if found := [f"{name}: {fault}" for name, fault in faults.items() if fault]:
        raise InputError("\n".join(found))
    return [strangers[name] for name in wanted]


def _fault(name: str, hosts: Mapping[str, str], strangers: Mapping[str, Node], known: Mapping[str, str]) -> str:
    if name not in known:
        return f"no node of the cluster is called so{did_you_mean(name, strangers or known)}"
    if name not in strangers:
        return "it is in the inventory already" + (f", as {known[name]}" if known[name] != name else "")
    node = strangers[name]
    if name in hosts:
        return f"hosts.yaml has a host of that name at {hosts[name]}, and the node is at {', '.join(node.addresses)}"
    if node.distribution == "talos":
        return TALOS
    if not NAME.fullmatch(name):
        return "not a name for a host; write it into hosts.yaml by hand, under another name"
    return "" if node.addresses else "the cluster knows no address of it"


def add_hosts(text: str, entries: Entries) -> str:
    """Return hosts.yaml with more hosts at its end; existing lines stay as they are.

    Raises:
        InputError: the text is not a YAML mapping
    """
    wanted = {**_parse(text), **entries}
    ending = line_break(text)
    gap = "" if text.endswith("\n") or not text else ending
    added = f"{text}{gap}{_block(entries).replace(chr(10), ending)}"
    return added if _same(added, wanted) else _spliced(text, entries, wanted)


def _spliced(text: str, entries: Entries, wanted: Mapping[str, Any]) -> str:
    """Insert the hosts into a file to which they cannot be appended: in braces, or with an end marker."""
    try:
        after = rewrite(text, lambda tree: {**tree, **{name: dict(entry) for name, entry in entries.items()}})
    except ValueError as error:
        raise InputError(f"hosts.yaml: {error}; or write {' and '.join(entries)} into it by hand") from None
    if not _same(after, wanted):
        raise InputError(
            f"hosts.yaml: it is written in a way that cannot be edited safely; write {' and '.join(entries)} into it "
            "by hand"
        )
    return after


def _block(entries: Entries) -> str:
    return "".join(f"\n{_to_yaml({name: entry})}" for name, entry in entries.items())


def _to_yaml(content: Mapping[str, Any]) -> str:
    yaml, out = YAML(typ="rt", pure=True), io.StringIO()
    yaml.default_flow_style = None  # lists on one line, as usual for groups
    yaml.dump({key: dict(value) for key, value in content.items()}, out)
    return out.getvalue()


def _parse(text: str) -> dict[str, Any]:
    try:
        yaml = yaml_reader()
        node = yaml.compose(text)
        if node is None:
            return {}
        refuse_growth(node)
        found = yaml.constructor.construct_document(node)
    except TooManyAliases as error:
        raise InputError(f"hosts.yaml:{error.line}: {error}") from None
    except MarkedYAMLError as error:  # the whole message quotes the line, which may hold a password
        mark = error.problem_mark or error.context_mark
        problem = re.sub(r"""["'][^"']*["']""", "...", error.problem or error.context or "it cannot be read")
        raise InputError(f"hosts.yaml: line {mark.line + 1 if mark else 1}: not YAML: {problem}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"hosts.yaml: not YAML ({type(error).__name__})") from None
    if found is not None and not isinstance(found, dict):
        raise InputError("hosts.yaml: must be a mapping: names with their keys below them")
    return found or {}


def _same(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return _parse(text) == wanted
    except InputError:
        return False


def entries_of(nodes: Iterable[Node]) -> Entries:
    """Return the entries of hosts.yaml for nodes."""
    return {node.name: entry_of_node(node) for node in nodes}


def remove_host(text: str, name: str) -> str:
    """Return hosts.yaml without a host; all other lines stay as they are.

    Raises:
        InputError: the text cannot be edited safely
    """
    try:
        return rewrite(text, lambda tree: {key: value for key, value in tree.items() if key != name})
    except ValueError as error:
        raise InputError(f"hosts.yaml: {error}; or take {name} out of it by hand") from None


class HostsFileDraft:
    """A copy of hosts.yaml that is changed; ``keep`` replaces the original by it.

    Args:
        site: the site's settings
        files: the paths of the inventory's files in the site
        change: returns the new text of the present one
    """

    def __init__(self, site: SiteSettings, files: Mapping[str, str], change: Callable[[str], str]) -> None:
        self.target = site.directory / files["host_file"]
        self.part = self.target.with_name(f".{self.target.name}.{secrets.token_hex(4)}")
        self.site, self.files = site, files
        self.text = change(self.target.read_bytes().decode())

    def __enter__(self) -> HostsFileDraft:
        status = self.target.stat()
        self.part.touch(mode=0o600, exist_ok=False)  # nobody else may open it for writing before its mode is set
        self.part.write_bytes(self.text.encode())
        self.part.chmod(status.st_mode & 0o7777)
        if (status.st_uid, status.st_gid) != (self.part.stat().st_uid, self.part.stat().st_gid):
            os.chown(self.part, status.st_uid, status.st_gid)
        return self

    def __exit__(self, *_: object) -> None:
        self.part.unlink(missing_ok=True)

    def inventory(self) -> Inventory:
        """Load the inventory from the copy; raise InputError with every fault."""
        return FleetInventory(str(self.part), self.files["group_file"], self.files["defaults_file"], self.site).load()

    def keep(self) -> Path:
        """Replace hosts.yaml by the copy, and return its path."""
        with self.part.open("rb") as file:
            os.fsync(file.fileno())
        self.part.replace(self.target)
        return self.target
