"""What all tests share: how they are spread over processes, a fresh masker, and a fleet of local shells."""

from __future__ import annotations

import gc
import re
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from moor.engine import script
from moor.secrets import masking
from tests.harness.hosts import MakeFleet, local_shells, nornir_over

# how long an example takes says how busy the machine is, and nothing else
settings.register_profile("moor", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("moor")
gc.disable()  # until all is collected: thousands of tests are made, and every one stays


# The tests of a fleet that works take longer than all others of a worker: these modules have a second one.
SECOND = ("backup", "harbor", "joining", "killed", "rollback", "rotation", "upgrade")
MOORED_TOO = frozenset(f"tests/lab/test_{name}.py" for name in SECOND)
OWN_FLEET = re.compile(r"\b(def lab|fleet_running|fleet_of_lab)\(")
LAB_TEST_S = 900  # the boot of a fleet and its first apply count as part of the first test that wants them
# What takes longest begins first, so that no worker is left alone at the end with a long one.
LONGEST = (
    "moored: Moored",
    "moored too",
    "lab",
    "tests/lab/test_main_path.py",
    "guarded: Lab",
    "tests/lab/test_two_registries.py",
    "berth: Berth",
    "tests/lab/test_diagnose_many.py",
    "tests/lab/test_harbor_standin.py",
    "tests/lab/test_runtimes.py",
)
# So do the tests without hosts that wait longest; their workers' other tests are taken over by those that are done.
WAITING = ("tests/tasks/devices/test_on_devices.py", "tests/docs/test_site.py", "tests/output/pages/test_in_browser.py")


@cache
def group_of(module: str) -> str:
    """Return the fleet that modules share, by the fixture that the module asks for; else the module itself."""
    source = (Path(__file__).parents[1] / module).read_text()
    if shared := re.search(r"\b(moored: Moored|berth: Berth|guarded: Lab)\b", source):
        return "moored too" if module in MOORED_TOO else shared[1]
    return module if OWN_FLEET.search(source) or "lab: Lab" not in source else "lab"


def module_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


class ByFleet(LoadFileScheduling):  # type: ignore[misc]
    """Keeps the tests of one fleet of the lab in one process, so that several fleets are tested side by side."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        """Leave the groups in the order of the tests, which ``pytest_collection_modifyitems`` has made."""
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group_of(module_of(nodeid))


def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    """Give tests of the lab time to boot their hosts on a busy machine; have what takes longest begin first."""
    for item in items:
        if item.get_closest_marker("lab") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LAB_TEST_S))
    if str(config.option.markexpr).startswith("lab"):
        groups = {module: group_of(module) for module in {module_of(item.nodeid) for item in items}}
        order = {group: at for at, group in enumerate(LONGEST)}
        items.sort(key=lambda item: order.get(groups[module_of(item.nodeid)], len(LONGEST)))
    else:
        items.sort(key=lambda item: module_of(item.nodeid) not in WAITING)


def pytest_collection_finish() -> None:
    """Have Python look for garbage again, seldom, and not among the tests themselves: it took a seventh of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules without a test that is asked for by its mark: to import all of them takes a worker 12 s."""
    wanted = re.match(r"lab|alone", str(config.option.markexpr))
    if wanted and collection_path.suffix == ".py" and collection_path.name.startswith("test_"):
        return None if f"mark.{wanted[0]}" in collection_path.read_text() else True
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFleet | None:
    """Have ``--dist loadfile`` keep fleets together; xdist's own groups need what pytest 9 no longer has."""
    return ByFleet(config, log) if config.getvalue("dist") == "loadfile" else None


for number in (signal.SIGINT, signal.SIGHUP):  # ignored where a script started the tests by & or nohup
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_secret_of_another_test() -> Iterator[None]:
    """Know no secret at first; one of another test might be a part of a word that this one expects."""
    with masking.fresh_masker():
        yield


@pytest.fixture
def host_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have scripts keep their own files in a folder of the test, which is returned, since the host is this machine."""
    folder = tmp_path_factory.mktemp("host")
    monkeypatch.setattr(script, "RUNS", str(folder / "runs"))
    monkeypatch.setattr(script, "LOCK", str(folder / "lock"))
    return folder


@pytest.fixture
def fleet(tmp_path: Path, host_folder: Path) -> Iterator[MakeFleet]:
    """Return a maker of Nornir over three hosts in group ``all``; each has its own folder as ``host["folder"]``."""
    with local_shells():
        yield lambda dry_run=False: nornir_over(tmp_path, dry_run)
