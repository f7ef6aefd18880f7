"""What config.yaml says: Nornir's own settings, and moor's below ``user_defined.moor``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from moor.errors import InputError
from moor.settings.access import SiteSettings
from moor.settings.document import Findings, Tree, load
from moor.settings.runner import Runner, RunnerConfig
from moor.settings.section import SecretRef, SitePath, Strict
from moor.settings.validation import validated

CONFIG = "config.yaml"
NOTHING_SAID: Any = {}  # a default that is validated as a file's words are, so that its paths are relative to the site


class NetBox(Strict):
    """Where NetBox is, and which of its machines are hosts.

    Attributes:
        ca: of its certificate, where that is not among the system's
        filters: of NetBox's own lists, such as ``site: dc1`` or ``tag: [moor]``
    """

    url: Annotated[str, Field(pattern=r"^https://[^ ]+$")]
    token: SecretRef
    ca: SitePath | None = None
    filters: dict[str, str | int | bool | tuple[str, ...]] = Field(default_factory=dict)
    virtual_machines: bool = True


class Files(Strict):
    """The inventory's three files, relative to the site, and where else its hosts come from."""

    host_file: str = "inventory/hosts.yaml"
    group_file: str = "inventory/groups.yaml"
    defaults_file: str = "inventory/defaults.yaml"
    netbox: NetBox | None = None

    def plain_netbox(self) -> dict[str, Any] | None:
        """Return what the inventory plugin is given of NetBox."""
        return self.netbox.model_dump(exclude_none=True) if self.netbox else None


def _plugin(name: object) -> object:
    """Refuse the plugins that public examples name, with the one that takes their place; raises ValueError."""
    word = name.rpartition(".")[2] if isinstance(name, str) else ""
    if word == "SimpleInventory":
        raise ValueError(f"no checked plugin: FleetInventory is the checked form of {name}, and reads the same files")
    if word in ("NetBoxInventory2", "NBInventory"):
        raise ValueError(f"no checked plugin: NetBoxInventory is the checked form of {name}")
    return name


Plugin = Annotated[Literal["FleetInventory", "ClusterInventory", "NetBoxInventory"], BeforeValidator(_plugin)]


class InventoryConfig(Strict):
    """Nornir's ``inventory``."""

    plugin: Plugin = "FleetInventory"
    options: Files = Files()
    transform_function: str = ""
    transform_function_options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _netbox_together(self) -> InventoryConfig:
        if (self.plugin == "NetBoxInventory") != (self.options.netbox is not None):
            raise ValueError("the plugin NetBoxInventory and options.netbox go together; write both or neither")
        return self


class LoggingConfig(Strict):
    """Nornir's ``logging``; off unless asked for, since Nornir logs the arguments of tasks."""

    enabled: bool = False
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_file: SitePath | Literal[""] = ""
    format: str | None = None
    to_console: bool = False
    loggers: tuple[str, ...] = ("nornir",)


class SSHConfig(Strict):
    """Nornir's ``ssh``."""

    config_file: SitePath | None = None


class CoreConfig(Strict):
    """Nornir's ``core``. There is no raise_on_error: it would cut reports short."""


class UserDefined(BaseModel):
    """Nornir's ``user_defined``: ``moor``, and what a site's own tasks want."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    moor: SiteSettings = Field(default=NOTHING_SAID, validate_default=True)


class SiteConfig(Strict):
    """The whole of config.yaml."""

    inventory: InventoryConfig = InventoryConfig()
    runner: Runner = RunnerConfig()
    logging: LoggingConfig = LoggingConfig()
    ssh: SSHConfig = SSHConfig()
    core: CoreConfig = CoreConfig()
    user_defined: UserDefined = Field(default=NOTHING_SAID, validate_default=True)


def read_config(site: Path) -> SiteConfig:
    """Read and validate config.yaml; raises InputError with all that is wrong."""
    return config_of(read_tree(site / CONFIG), site)


def read_tree(path: Path) -> Tree:
    """Read a config.yaml as it is written; raises InputError."""
    if not path.is_file():
        raise InputError(f"{path}: not there; go to the directory of a {CONFIG}, or name it by --site DIR")
    findings = Findings()
    tree = load(path, path.name, findings)
    findings.refuse()
    return tree


def config_of(tree: Tree, site: Path) -> SiteConfig:
    """Validate what config.yaml says, its paths relative to the site; raises InputError with all that is wrong."""
    findings = Findings()
    config = validated(SiteConfig, _without_nulls(tree), site, findings)
    if config:
        _check_files(tree, config.inventory.options, site, findings)
        _check_state(tree, config.user_defined.moor.state, findings)
    findings.refuse()
    return config or SiteConfig()


def _without_nulls(tree: Tree) -> Tree:
    """Leave out keys that stand there without a value."""
    if not isinstance(tree.value, dict):
        return tree
    return Tree(tree.source, {key: below for key, below in tree.value.items() if below.value is not None})


def _check_files(tree: Tree, files: Files, site: Path, findings: Findings) -> None:
    """Find inventory files that are named but not there; of those that are not, only the hosts are needed."""
    needed = set() if files.netbox else {"host_file"}
    for key in ("host_file", "group_file", "defaults_file"):
        path = site / getattr(files, key)
        if (key in files.model_fields_set or key in needed) and not path.is_file():
            findings.add(tree.place(("inventory", "options", key)), f"no such file: {path}")


def _check_state(tree: Tree, state: Path, findings: Findings) -> None:
    """Find something at the place of the state that is no directory; where nothing is, moor makes one."""
    if os.path.lexists(state) and not os.path.isdir(state):
        what = "a link that leads to no directory" if state.is_symlink() else "no directory"
        key = tree.place(("user_defined", "moor", "state"))
        findings.add(key, f"{state} is {what}; move it away, and moor makes a directory there")


def nornir_config(config: SiteConfig) -> dict[str, Any]:
    """Return the same in Nornir's own form."""
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
