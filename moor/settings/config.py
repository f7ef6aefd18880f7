"""The model of config.yaml: Nornir's own settings, and moor's below ``user_defined.moor``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from moor.errors import InputError
from moor.settings.access import SiteSettings
from moor.settings.document import InputFaults, Tree, load_yaml
from moor.settings.netbox import NetBoxOptions
from moor.settings.runner import Runner, RunnerConfig
from moor.settings.section import SitePath, StrictModel
from moor.settings.validation import validate

CONFIG = "config.yaml"
EMPTY: Any = {}  # as a default it is validated like a file's content, so that paths become relative to the site


class InventoryOptions(StrictModel):
    """The options of the inventory plugin.

    Attributes:
        host_file: the hosts
        group_file: the groups
        defaults_file: what holds for every host
        netbox: where hosts come from with the plugin ``NetBoxInventory``
    """

    host_file: str = "inventory/hosts.yaml"
    group_file: str = "inventory/groups.yaml"
    defaults_file: str = "inventory/defaults.yaml"
    netbox: NetBoxOptions | None = None

    def plain_netbox(self) -> dict[str, Any] | None:
        """Return the NetBox options as the inventory plugin takes them."""
        return self.netbox.model_dump(exclude_none=True) if self.netbox else None


def _plugin(name: object) -> object:
    """Raise ValueError for the plugins that public examples name; the message names the replacement."""
    word = name.rpartition(".")[2] if isinstance(name, str) else ""
    if word == "SimpleInventory":
        raise ValueError(f"no checked plugin: FleetInventory is the checked form of {name}, and reads the same files")
    if word in ("NetBoxInventory2", "NBInventory"):
        raise ValueError(f"no checked plugin: NetBoxInventory is the checked form of {name}")
    return name


Plugin = Annotated[Literal["FleetInventory", "ClusterInventory", "NetBoxInventory"], BeforeValidator(_plugin)]


class InventoryConfig(StrictModel):
    """Where hosts come from; Nornir's ``inventory`` in config.yaml.

    Attributes:
        plugin: ``ClusterInventory`` adds the cluster's nodes (docs/new-nodes.md), ``NetBoxInventory`` those of NetBox
        options: of the plugin
        transform_function: name of a function that is called for each host, of a package that registers it with Nornir
        transform_function_options: its arguments
    """

    plugin: Plugin = "FleetInventory"
    options: InventoryOptions = InventoryOptions()
    transform_function: str = ""
    transform_function_options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _netbox_together(self) -> InventoryConfig:
        if (self.plugin == "NetBoxInventory") != (self.options.netbox is not None):
            raise ValueError("the plugin NetBoxInventory and options.netbox go together; write both or neither")
        return self


class LoggingConfig(StrictModel):
    """Nornir's ``logging`` in config.yaml; off by default, since Nornir logs the arguments of tasks.

    Attributes:
        enabled: whether Nornir sets up logging; ``-v`` logs without it
        level: the least that is logged
        log_file: where to; empty for no file
        format: of a line, as Python's logging has it
        to_console: whether to standard error too
        loggers: whose messages are logged
    """

    enabled: bool = False
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_file: SitePath | Literal[""] = ""
    format: str | None = None
    to_console: bool = False
    loggers: tuple[str, ...] = ("nornir",)


class SSHConfig(StrictModel):
    """Nornir's ``ssh`` in config.yaml.

    Attributes:
        config_file: ssh_config for jump hosts, users and ports; without it none is read
    """

    config_file: SitePath | None = None


class CoreConfig(StrictModel):
    """Nornir's ``core``. raise_on_error is not accepted: it would cut reports short."""


class UserDefined(BaseModel):
    """Nornir's ``user_defined``: the key ``moor``, and any keys for a site's own tasks."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    moor: SiteSettings = Field(default=EMPTY, validate_default=True)


class SiteConfig(StrictModel):
    """The whole of config.yaml."""

    inventory: InventoryConfig = InventoryConfig()
    runner: Runner = RunnerConfig()
    logging: LoggingConfig = LoggingConfig()
    ssh: SSHConfig = SSHConfig()
    core: CoreConfig = CoreConfig()
    user_defined: UserDefined = Field(default=EMPTY, validate_default=True)


def read_config(site: Path) -> SiteConfig:
    """Read and validate config.yaml; raise InputError with every fault."""
    return validate_config(read_tree(site / CONFIG), site)


def read_tree(path: Path) -> Tree:
    """Read a config.yaml without validating its keys; raise InputError if it is missing or not YAML."""
    if path.is_dir():
        raise InputError(
            f"{path}: a directory; --site DIR names the directory of a site, in which config.yaml is a file"
        )
    if not path.is_file():
        raise InputError(f"{path}: not there; moor init writes a site, --site DIR names one")
    faults = InputFaults()
    tree = load_yaml(path, path.name, faults)
    faults.raise_if_any()
    return tree


def validate_config(tree: Tree, site: Path) -> SiteConfig:
    """Validate the content of config.yaml; paths are relative to the site. Raise InputError with every fault."""
    faults = InputFaults()
    config = validate(SiteConfig, _without_nulls(tree), site, faults)
    if config:
        _check_files(tree, config.inventory.options, site, faults)
        _check_state(tree, config.user_defined.moor.state, faults)
    faults.raise_if_any()
    return config or SiteConfig()


def _without_nulls(tree: Tree) -> Tree:
    """Return the tree without the keys that have no value."""
    if not isinstance(tree.value, dict):
        return tree
    return Tree(tree.source, {key: below for key, below in tree.value.items() if below.value is not None})


def _check_files(tree: Tree, files: InventoryOptions, site: Path, faults: InputFaults) -> None:
    """Add a fault for each inventory file that config.yaml names, or that is required, and is missing."""
    needed = set() if files.netbox else {"host_file"}
    for key in ("host_file", "group_file", "defaults_file"):
        path = site / getattr(files, key)
        if path.is_dir() or ((key in files.model_fields_set or key in needed) and not path.is_file()):
            faults.add(tree.place(("inventory", "options", key)), _missing(path))


def _missing(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a directory; write what its files have into one file, and name that here"
    return f"no such file: {path}"


def _check_state(tree: Tree, state: Path, faults: InputFaults) -> None:
    """Add a fault if the state's path is not a directory; a missing one is created later."""
    if os.path.lexists(state) and not os.path.isdir(state):
        what = "a link that leads to no directory" if state.is_symlink() else "no directory"
        key = tree.place(("user_defined", "moor", "state"))
        faults.add(key, f"{state} is {what}; move it away, and moor makes a directory there")


def nornir_config(config: SiteConfig) -> dict[str, Any]:
    """Return the configuration as the arguments of Nornir's Config."""
    settings = config.user_defined.moor
    logging = {**config.logging.model_dump(), "loggers": list(config.logging.loggers)}
    return {
        "inventory": {
            "plugin": config.inventory.plugin,
            "options": {**config.inventory.options.model_dump(exclude_none=True), "site": settings},
            "transform_function": config.inventory.transform_function,
            "transform_function_options": config.inventory.transform_function_options,
        },
        "runner": config.runner.model_dump(),
        "logging": {**logging, "log_file": str(config.logging.log_file)},
        "ssh": {"config_file": str(config.ssh.config_file)} if config.ssh.config_file else {},
        "user_defined": {**(config.user_defined.model_extra or {}), "moor": settings},
    }
