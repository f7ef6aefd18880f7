"""Nornir's InitNornir in somebody's own script: config.yaml counts there as it does for moor's commands.

Nornir gives an inventory plugin its options alone, not the file that they were read from. That file says where the
site is, and with it which CA, secrets and tasks are meant. So the plugin looks at the call of InitNornir that it is
made by, validates the same file as moor does, and completes the configuration that this Nornir gets.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nornir.core.configuration import Config
from nornir.init_nornir import InitNornir

from moor.settings.access import SiteSettings
from moor.settings.config import InventoryOptions, nornir_config, read_tree, validate_config
from moor.settings.document import Source, Tree, tree_of

ARGUMENTS = Source("InitNornir's arguments", 1)


@dataclass(frozen=True)
class InitNornirCall:
    """A call of InitNornir that is under way.

    Attributes:
        config: what Nornir has made of the file and the arguments.
        config_file: as it was named; empty where there is none.
        arguments: sections of config.yaml that were given as arguments; Nornir has their keys replace the file's.
    """

    config: Config
    config_file: str
    arguments: Mapping[str, Any]

    def inventory_options(self) -> tuple[SiteSettings, InventoryOptions]:
        """Validate file and arguments together, complete Nornir's configuration, return the plugin's part.

        Returns:
            The site's settings, and the inventory plugin's other options.

        Raises:
            InputError: with all that is wrong in them.
        """
        file = Path(self.config_file).expanduser().absolute() if self.config_file else None
        tree = read_tree(file) if file else Tree(ARGUMENTS, {})
        found = validate_config(self._with_arguments(tree), file.parent if file else Path.cwd())
        self._complete(nornir_config(found))
        return found.user_defined.moor, found.inventory.options

    def _with_arguments(self, tree: Tree) -> Tree:
        sections = dict(tree.items)
        for name, said in self.arguments.items():
            given = tree_of(said or {}, ARGUMENTS.below(name))
            below = sections.get(name)
            sections[name] = Tree(given.source, {**(below.items if below else {}), **given.items})
        return Tree(tree.source, sections)

    def _complete(self, said: Mapping[str, Any]) -> None:
        """Have paths absolute and values validated in what this Nornir gets; its logging is at work already."""
        self.config.user_defined["moor"] = said["user_defined"]["moor"]
        self.config.runner.options = said["runner"]["options"]
        if said["ssh"]:
            self.config.ssh.config_file = said["ssh"]["config_file"]


def current_call() -> InitNornirCall | None:
    """Return the call of InitNornir that has led here; None where the plugin was made by something else."""
    frame = sys._getframe()
    while frame.f_back and frame.f_code is not InitNornir.__code__:
        frame = frame.f_back
    known = frame.f_locals
    if frame.f_code is not InitNornir.__code__:
        return None
    return InitNornirCall(known["config"], known["config_file"], known["kwargs"])
