"""Registration of Nornir's plugins without importing them; each is imported at first use."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from nornir.core.configuration import Config
from nornir.core.plugins.connections import CONNECTIONS_PLUGIN_PATH, ConnectionPluginRegister
from nornir.core.plugins.runners import RunnerPlugin, RunnersPluginRegister
from nornir.init_nornir import load_runner as load_installed_runner
from nornir.plugins.runners import SerialRunner, ThreadedRunner

from moor.connections.plugin import LazyPlugin, check_netmiko

# moor's own connection plugins, which pyproject.toml declares too. To look them up there, Python would read the
# metadata of every installed distribution.
CONNECTIONS = {
    "shell": "moor.connections.ssh.shell:ShellPlugin",
    "harbor": "moor.connections.apis.harbor:HarborPlugin",
    "kubernetes": "moor.connections.apis.kubernetes:KubernetesPlugin",
}
RUNNERS: dict[str, type[RunnerPlugin]] = {"threaded": ThreadedRunner, "serial": SerialRunner}  # Nornir's own


class InstalledPlugins(dict[str, Any]):
    """Connection plugins by name; those of other packages are looked up when a name is missing for the first time."""

    searched = False

    def __contains__(self, name: object) -> bool:
        if not super().__contains__(name) and not self.searched:
            for found in entry_points(group=CONNECTIONS_PLUGIN_PATH):
                self.setdefault(found.name, LazyPlugin(found))
            self.searched = True
        return super().__contains__(name)


def register_connections() -> None:
    """Register every installed connection plugin without importing it; registered names stay as they are."""
    if isinstance(ConnectionPluginRegister.available, InstalledPlugins):
        return
    own = {name: LazyPlugin(EntryPoint(name, place, CONNECTIONS_PLUGIN_PATH)) for name, place in CONNECTIONS.items()}
    ConnectionPluginRegister.available = InstalledPlugins({**own, **ConnectionPluginRegister.available})
    check_netmiko(ConnectionPluginRegister.available)


def load_runner(config: Config) -> RunnerPlugin:
    """Return the runner that the configuration names; other packages' runners are imported only for one of theirs."""
    for name, plugin in RUNNERS.items():
        if name not in RunnersPluginRegister.available:
            RunnersPluginRegister.register(name, plugin)
    if config.runner.plugin not in RunnersPluginRegister.available:
        return load_installed_runner(config)
    return RunnersPluginRegister.get_plugin(config.runner.plugin)(**config.runner.options)
