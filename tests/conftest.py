"""A small fleet whose hosts are folders of this machine, reached by a local shell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nornir.core import Nornir
from nornir.core.configuration import Config
from nornir.core.inventory import Defaults, Group, Groups, Host, Hosts, Inventory, ParentGroups
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.state import GlobalState
from nornir.plugins.runners import ThreadedRunner

from moor.connections.local import LocalPlugin, LocalShell
from moor.connections.shell import Answer
from moor.engine import script

FLEETS = ("moored", "lab")  # fixtures of fleets that modules share


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in this hook too
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one fleet in one process, so that several fleets can be tested side by side."""
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.xdist_group(_fleet_of(item)))


def _fleet_of(test: pytest.Function) -> str:
    own = "lab" in vars(test.module)  # a fleet of the module's own, under the same name
    shared = [name for name in FLEETS if name in test.fixturenames]
    return shared[0] if shared and not own else test.module.__name__


NAMES = ("alpha", "beta", "gamma")
MakeFleet = Callable[..., Nornir]


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeFleet]:
    """Give a maker of Nornir over three hosts in group ``all``; each has its own folder as ``host["folder"]``.

    They share this machine's lock, so one runs at a time.
    """
    # A script names these two paths of the host; here the host is this machine, which must stay as it is.
    monkeypatch.setattr(script, "RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(script, "LOCK", str(tmp_path / "lock"))
    ConnectionPluginRegister.auto_register()
    former = ConnectionPluginRegister.available.pop("shell")
    ConnectionPluginRegister.register("shell", LocalPlugin)
    yield lambda dry_run=False: _nornir(tmp_path, dry_run)
    ConnectionPluginRegister.available["shell"] = former


def _nornir(folder: Path, dry_run: bool) -> Nornir:
    group = Group(name="all")
    hosts = {name: Host(name=name, groups=ParentGroups([group]), data=_folder(folder / name)) for name in NAMES}
    inventory = Inventory(hosts=Hosts(hosts), groups=Groups({"all": group}), defaults=Defaults())
    return Nornir(inventory=inventory, runner=ThreadedRunner(1), config=Config(), data=GlobalState(dry_run=dry_run))


def _folder(path: Path) -> dict[str, str]:
    path.mkdir(exist_ok=True)
    return {"folder": str(path)}


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give a list that every script sent from now on is added to."""
    scripts: list[str] = []
    really = LocalShell.run

    def run(shell: LocalShell, script: str, timeout_s: float = 300) -> Answer:
        scripts.append(script)
        return really(shell, script, timeout_s)

    monkeypatch.setattr(LocalShell, "run", run)
    return scripts
