"""A small fleet whose hosts are folders of this machine, reached by a local shell."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from nornir.core import Nornir
from nornir.core.configuration import Config
from nornir.core.inventory import Defaults, Group, Groups, Host, Hosts, Inventory, ParentGroups
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.state import GlobalState
from nornir.plugins.runners import ThreadedRunner
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from moor import masking
from moor.connections.local import LocalPlugin, LocalShell
from moor.connections.shell import Answer
from moor.engine import script

# how long an example takes says how busy the machine is, and nothing else
settings.register_profile("moor", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("moor")


class ByFleet(LoadFileScheduling):  # type: ignore[misc]
    """Keeps the tests of one fleet of the lab in one process, so that several fleets are tested side by side."""

    def _split_scope(self, nodeid: str) -> str:
        """Give the fleet that modules share, by the fixture that the module asks for; else the module itself."""
        module = nodeid.partition("::")[0]
        source = (Path(__file__).parents[1] / module).read_text()
        if shared := re.search(r"\b(moored: Moored|berth: Berth)\b", source):
            return shared[1]
        return module if "def lab(" in source or "lab: Lab" not in source else "lab"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFleet | None:
    """Have ``--dist loadfile`` keep fleets together; xdist's own groups need what pytest 9 no longer has."""
    return ByFleet(config, log) if config.getvalue("dist") == "loadfile" else None


for number in (signal.SIGINT, signal.SIGHUP):  # ignored where a script started the tests by & or nohup
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)


@pytest.fixture(autouse=True)
def secrets_of_this_test() -> Iterator[None]:
    """Forget what became a secret during a test, which might be a part of a word that another test expects."""
    known = masking.kept
    before = known.forms
    yield
    known.forms = before


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
