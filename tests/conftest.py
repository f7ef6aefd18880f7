"""What all tests share: how they are spread over processes, a fresh masker, and a fleet of local shells."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
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


class ByFleet(LoadFileScheduling):  # type: ignore[misc]
    """Keeps the tests of one fleet of the lab in one process, so that several fleets are tested side by side."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the fleet that modules share, by the fixture that the module asks for; else the module itself."""
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
