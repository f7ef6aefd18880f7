"""The action of show for a host: what it has of defaults, groups and its own entry, each with file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from moor.cli.commands.running import configure_logging, print_safely, refuse_other_output
from moor.cli.commands.site_directory import find_site
from moor.cli.options import Options, Output
from moor.errors import InputError
from moor.output import text
from moor.settings.document import Source, Tree
from moor.settings.fleet import CUSTOM, Fleet
from moor.sites.site import read_fleet
from moor.suggestions import did_you_mean

MASK = "***"
LIKE_SECRET = re.compile(
    r"pass(word|phrase|wd)?$|secret$|token$|community$|(auth|priv|api|private)_?key$", re.IGNORECASE
)
REFERENCE = re.compile(r"(env|file|cmd):")
FREE = (("data", CUSTOM), ("connection_options",))  # where keys are the site's own, so that no model knows secrets


@dataclass(frozen=True)
class Setting:
    """One value that a host has, and where it is written.

    Attributes:
        setting: the path of keys, such as ``data.registry.name``
        file: as the user knows it, below the site
    """

    setting: str
    value: str
    file: str
    line: int


def show(options: Options, name: str) -> int:
    """Print the settings of a host; no host is contacted."""
    refuse_other_output(options, "show: a host's settings are")
    configure_logging(options.verbose)
    fleet = read_fleet(find_site(options.site))
    if name not in fleet.hosts:
        near = did_you_mean(name, fleet.hosts)
        raise InputError(f"show {name}: no host of the inventory is called so, and no file is there{near}")
    groups, found = fleet.lineage(fleet.hosts[name]), list(settings_of_host(fleet, name))
    if options.output is Output.json:
        shown = [asdict(one) for one in found]
        print_safely(json.dumps({"schema": 1, "host": name, "groups": groups, "settings": shown}, indent=2))
        return 0
    rows = ((one.setting, Source(one.file, one.line).where, one.value) for one in found)
    inherits = f", in {', '.join(groups)}" if groups else ""
    print_safely(f"{name} at {fleet.address(name)}{inherits}\n{text.table(['setting', 'written in', 'value'], rows)}")
    return 0


def settings_of_host(fleet: Fleet, name: str) -> Iterator[Setting]:
    """Yield what a host has, merged, in the order of the files."""
    yield from _leaves(fleet.merged(name), ())


def _leaves(tree: Tree, path: tuple[str, ...]) -> Iterator[Setting]:
    if tree.items:
        for key, below in tree.items.items():
            yield from _leaves(below, (*path, key))
    elif isinstance(tree.value, tuple) and any(isinstance(one.value, dict | tuple) for one in tree.value):
        for number, one in enumerate(tree.value):
            yield from _leaves(one, (*path[:-1], f"{path[-1]}[{number}]"))
    else:
        yield Setting(".".join(path), _shown(tree, path), tree.source.file, tree.source.line)


def _shown(tree: Tree, path: tuple[str, ...]) -> str:
    plain = tree.plain()
    if isinstance(plain, str) and LIKE_SECRET.search(path[-1]) and _is_free(path) and not REFERENCE.match(plain):
        return MASK
    return plain if isinstance(plain, str) else json.dumps(plain, default=str)


def _is_free(path: tuple[str, ...]) -> bool:
    return any(path[: len(place)] == place for place in FREE)
