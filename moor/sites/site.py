"""Opening a site's directory as a Nornir object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nornir.core import Nornir
from nornir.core.configuration import Config
from nornir.core.exceptions import PluginNotRegistered
from nornir.core.inventory import Inventory
from nornir.core.plugins.inventory import InventoryPluginRegister, TransformFunctionRegister
from nornir.core.processor import Processors
from nornir.core.state import GlobalState

from moor.engine.plain_errors import plain_errors
from moor.errors import InputError
from moor.inventory.cluster import ClusterInventory
from moor.inventory.files import FleetInventory
from moor.inventory.netbox import NetBoxInventory
from moor.runner.loop_runner import register_runner
from moor.secrets.command import forget_answers
from moor.settings.config import CONFIG, nornir_config, read_config
from moor.settings.fleet import Fleet
from moor.sites.plugins import load_runner, register_connections


def open_site(directory: Path, dry_run: bool = False, files: Mapping[str, str] | None = None) -> Nornir:
    """Return Nornir for the site in ``directory``, whatever the working directory.

    Args:
        directory: of config.yaml
        dry_run: only plan
        files: other files of the inventory in place of the site's, by their key in config.yaml

    Raises:
        InputError: there is no config.yaml, or every fault of the site's files.
    """
    config = _configuration(directory)
    config.inventory.options.update(files or {})
    try:
        return _nornir(config, dry_run)
    except (PluginNotRegistered, ImportError) as error:
        raise InputError(f"{CONFIG}: a plugin: {error}; is the package that brings it installed?") from error


def read_fleet(directory: Path) -> Fleet:
    """Return the inventory of the site in ``directory`` with the place of everything that is written.

    Raises:
        InputError: every fault of the site's files, or an inventory of others, which knows no places.
    """
    wanted = _configuration(directory).inventory
    plugin = InventoryPluginRegister.get_plugin(wanted.plugin)(**wanted.options)
    if not isinstance(plugin, FleetInventory):
        raise InputError(
            f"{CONFIG}: inventory.plugin: {wanted.plugin} does not tell where a setting is written; "
            "moor show HOST needs FleetInventory, ClusterInventory or NetBoxInventory"
        )
    return plugin.load_fleet()[0]


def _configuration(directory: Path) -> Config:
    """Read config.yaml, and register moor's inventory plugins."""
    forget_answers()
    config = read_config(directory.expanduser().absolute())
    for plugin in (FleetInventory, ClusterInventory, NetBoxInventory):
        InventoryPluginRegister.register(plugin.__name__, plugin)
    return Config.from_dict(**nornir_config(config))


def _nornir(config: Config, dry_run: bool) -> Nornir:
    """Do what InitNornir does, but without importing every connection plugin."""
    register_connections()
    register_runner()
    config.logging.configure()
    inventory, runner = _inventory(config), load_runner(config)
    return Nornir(
        inventory=inventory,
        runner=runner,
        config=config,
        data=GlobalState(dry_run=dry_run),
        processors=Processors([plain_errors()]),
    )


def _inventory(config: Config) -> Inventory:
    """Do what Nornir's ``load_inventory`` does, but without importing every installed plugin."""
    wanted = config.inventory
    inventory = InventoryPluginRegister.get_plugin(wanted.plugin)(**wanted.options).load()
    if wanted.transform_function:
        TransformFunctionRegister.auto_register()
        transform = TransformFunctionRegister.get_plugin(wanted.transform_function)
        for host in inventory.hosts.values():
            transform(host, **(wanted.transform_function_options or {}))
    return inventory
