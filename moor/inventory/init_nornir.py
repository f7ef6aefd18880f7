"""Support for InitNornir in a user's own script, so that config.yaml is honoured as in moor's commands.

Nornir passes an inventory plugin its options only, not the file they come from. But that file defines the site, and
with it the CA, the secrets and the tasks. So the plugin inspects the call of InitNornir that created it, validates the
file as moor's commands do, and completes the configuration of this Nornir.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nornir.core.configuration import Config
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.init_nornir import InitNornir

from moor.connections.plugin import check_netmiko
from moor.runner.loop_runner import register_runner
from moor.settings.access import SiteSettings
from moor.settings.config import InventoryOptions, nornir_config, read_tree, validate_config
from moor.settings.document import Source, Tree, tree_of

ARGUMENTS = Source("InitNornir's arguments", 1)


@dataclass(frozen=True)
class InitNornirCall:
    """A call of InitNornir that has not returned yet.

    Attributes:
        config: Nornir's configuration from the file and the arguments.
        config_file: the argument of that name; empty if there is none.
        arguments: the sections passed as arguments; their keys replace the file's.
    """

    config: Config
    config_file: str
    arguments: Mapping[str, Any]

    def inventory_options(self) -> tuple[SiteSettings, InventoryOptions]:
        """Validate file and arguments together, and complete Nornir's configuration from them.

        Returns:
            The site's settings, and the inventory plugin's other options.

        Raises:
            InputError: every fault of the file and the arguments.
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
        """Put validated values and absolute paths into Nornir's configuration, except logging, which runs already."""
        self.config.user_defined["moor"] = said["user_defined"]["moor"]
        register_runner()
        check_netmiko(ConnectionPluginRegister.available)
        self.config.runner.plugin = said["runner"]["plugin"]
        self.config.runner.options = said["runner"]["options"]
        if said["ssh"]:
            self.config.ssh.config_file = said["ssh"]["config_file"]


def current_call() -> InitNornirCall | None:
    """Return the call of InitNornir on the stack; None if the plugin was created otherwise."""
    frame = sys._getframe()
    while frame.f_back and frame.f_code is not InitNornir.__code__:
        frame = frame.f_back
    known = frame.f_locals
    if frame.f_code is not InitNornir.__code__:
        return None
    return InitNornirCall(known["config"], known["config_file"], known["kwargs"])
