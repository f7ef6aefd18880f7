"""Three hosts that are folders of this machine, reached by a real shell on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from nornir.core import Nornir
from nornir.core.configuration import Config
from nornir.core.inventory import Defaults, Group, Groups, Host, Hosts, Inventory, ParentGroups
from nornir.core.plugins.connections import ConnectionPlugin, ConnectionPluginRegister
from nornir.core.state import GlobalState
from nornir.plugins.runners import ThreadedRunner

from moor.connections.local import LocalPlugin, LocalShell
from moor.script_result import ScriptResult

NAMES = ("alpha", "beta", "gamma")
MakeFleet = Callable[..., Nornir]


@contextmanager
def replaced_plugin(name: str, plugin: type[ConnectionPlugin]) -> Iterator[None]:
    """Have Nornir open connections of a kind by another plugin while the block runs."""
    if name not in ConnectionPluginRegister.available:  # it refuses to register over one that is replaced
        ConnectionPluginRegister.auto_register()
    former = ConnectionPluginRegister.available[name]
    ConnectionPluginRegister.available[name] = plugin
    try:
        yield
    finally:
        ConnectionPluginRegister.available[name] = former


def local_shells() -> AbstractContextManager[None]:
    """Have every host's shell be one of this machine while the block runs."""
    return replaced_plugin("shell", LocalPlugin)


def nornir_over(folder: Path, dry_run: bool) -> Nornir:
    """Return Nornir over the three hosts in group ``all``; they share this machine's lock, so one runs at a time."""
    group = Group(name="all")
    defaults = Defaults()
    hosts = {
        name: Host(name, groups=ParentGroups([group]), data=_folder(folder / name), defaults=defaults) for name in NAMES
    }
    inventory = Inventory(hosts=Hosts(hosts), groups=Groups({"all": group}), defaults=defaults)
    return Nornir(inventory=inventory, runner=ThreadedRunner(1), config=Config(), data=GlobalState(dry_run=dry_run))


def _folder(path: Path) -> dict[str, str]:
    path.mkdir(exist_ok=True)
    return {"folder": str(path)}


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which every script that is sent from now on is added."""
    scripts: list[str] = []
    really = LocalShell.run

    def run(shell: LocalShell, script: str, timeout_s: float = 300) -> ScriptResult:
        scripts.append(script)
        return really(shell, script, timeout_s)

    monkeypatch.setattr(LocalShell, "run", run)
    return scripts
