"""Services: the states of systemd, and a start that fails, with a fake systemctl."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from shlex import quote

import pytest

from moor.engine.plan import plan
from moor.engine.shell_functions import FUNCTIONS
from moor.resources.base import State
from moor.resources.service import Service
from tests.harness.shells import SHELLS, sh

# Its unit is active as long as the file is not "broken"; a masked unit cannot be enabled.
SYSTEMCTL = """\
systemctl() {
  printf '%s\\n' "$*" >> "$log"
  case "$*" in
    *is-failed*|*reset-failed*|*daemon-reload*) [ "$1" != is-failed ] ;;
    *enable*) [ -z "$masked" ] || { echo 'Unit is masked.' >&2; return 1; } ;;
    *restart*|*is-active*) ! grep -q broken "$config" ;;
  esac
}
journalctl() { :; }
"""


@pytest.mark.parametrize(
    ("words", "enabled", "changes"),
    [
        ("active\nenabled\n", True, 0),
        ("active\ndisabled\n", True, 1),
        ("active\nmasked\n", True, 1),
        ("active\nenabled\n", False, 1),
        ("active\nstatic\n", True, 0),
        ("active\nstatic\n", False, 0),
        ("active\nindirect\n", True, 0),
        ("active\ngenerated\n", True, 0),
        ("active\nalias\n", False, 0),
        ("activating\nenabled\n", True, 1),
        ("failed\nenabled\n", True, 1),
        ("inactive\n", True, 1),
    ],
)
def test_each_state_of_a_unit_is_a_change_or_none(words: str, enabled: bool, changes: int) -> None:
    service = Service("x", enabled=enabled)
    assert len(plan([service], {service.id: service.actual(words)})) == changes


def mended(
    shell: str,
    folder: Path,
    service: Service,
    actual: State | None,
    kept: bool = True,
    masked: str = "",
    broken: str = "broken",
) -> subprocess.CompletedProcess[bytes]:
    config, runs = folder / "config", folder / "runs"
    names = f"moor_runs={quote(str(runs))} moor_run=run-1 config={quote(str(config))}\n"
    keep = f"moor_keep {quote(str(config))}; " if kept else ""
    known = f"log={quote(str(folder / 'log'))} masked={masked}; export config\n"
    script = f'{known}{keep}echo {config.name} {broken} > "$config"\n'
    return sh(shell, f"{FUNCTIONS}{SYSTEMCTL}{names}{script}{service.mend(actual)}")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    (tmp_path / "config").write_text("good\n")
    return Service("x", newer_than=(str(tmp_path / "config"),), settle_s=0, put_back=True)


STALE: State = {"running": "yes", "enabled": "yes", "stale": "older than config"}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_with_which_a_service_does_not_start_is_put_back(shell: str, service: Service, tmp_path: Path) -> None:
    done = mended(shell, tmp_path, service, STALE)
    assert done.returncode == 1
    assert b"the former ones are back and it runs" in done.stderr
    assert (tmp_path / "config").read_text() == "good\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_check_that_hangs_is_stopped_in_time_to_put_the_file_back(
    shell: str, service: Service, tmp_path: Path
) -> None:
    began = time.monotonic()
    hanging = replace(service, check='grep -q "^good" "$config" || sleep 60', settle_s=1)
    done = mended(shell, tmp_path, hanging, STALE, broken="odd")
    assert b"the former ones are back and it runs" in done.stderr
    assert (tmp_path / "config").read_text() == "good\n"
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("shell", SHELLS)
def test_the_error_mentions_no_put_back_if_moor_changed_nothing(shell: str, service: Service, tmp_path: Path) -> None:
    done = mended(shell, tmp_path, service, STALE, kept=False)
    assert done.returncode == 1
    assert b"moor has not changed its files" in done.stderr
    assert b"are back" not in done.stderr
    assert (tmp_path / "config").read_text() == "config broken\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_unit_that_is_enabled_is_not_enabled_again(shell: str, service: Service, tmp_path: Path) -> None:
    mended(shell, tmp_path, service, STALE)
    assert "enable" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_unit_that_cannot_be_enabled_is_an_error(shell: str, service: Service, tmp_path: Path) -> None:
    done = mended(shell, tmp_path, service, {**STALE, "enabled": "no"}, masked="yes")
    assert (done.returncode, done.stderr) == (1, b"Unit is masked.\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_file_with_a_future_time_gets_the_present_time_before_the_restart(
    shell: str, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "config").touch()
    ahead = time.time() + 5 * 86400  # written while the host's clock was ahead
    known = f"log={quote(str(tmp_path / 'log'))}; config=/dev/null; masked=; export config\n"
    os.utime(tmp_path / "config", (ahead, ahead))
    sh(shell, f"{FUNCTIONS}{SYSTEMCTL}{known}{replace(service, put_back=False).mend(STALE)}")
    assert (tmp_path / "config").stat().st_mtime <= time.time()
