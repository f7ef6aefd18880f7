"""How packages and services are made on a machine that nobody has read, with stand-ins for its tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from moor.engine.shell_functions import script_head
from moor.resources.file import File
from moor.resources.package import Package
from moor.resources.service import Service
from tests.harness.shells import SHELLS, me, sh

# A systemctl that knows one unit, whose state is in $state: active or not, enabled or not.
SYSTEMCTL = """\
systemctl() {
  printf '%s\\n' "$*" >> "$log"
  case "$*" in
    cat*) [ -n "$there" ] ;;
    is-active*) case " $* " in *' -q '*) ;; *) echo "$active" ;; esac; [ "$active" = active ] ;;
    is-enabled*) echo "$enabled" ;;
    restart*) active=active ;;
    show*) echo 0 ;;
  esac
}
journalctl() { :; }
"""


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """Return each shell in turn."""
    return str(request.param)


def asked(shell: str, folder: Path, service: Service, **state: str) -> list[str]:
    """Return what a service's first mend asks of systemctl that changes something."""
    log = folder / "log"
    log.write_text("")
    words = {"there": "yes", "active": "inactive", "enabled": "enabled", "log": str(log), **state}
    names = " ".join(f"{name}={word}" for name, word in words.items())
    head = script_head("0", "a test", str(folder / "runs"), str(folder / "lock"))
    fragment = service.first_mend().replace("/run/systemd/system", str(folder))
    done = sh(shell, f"{head}\n{names}\n{SYSTEMCTL}\n(\n{fragment}\n)\n")
    assert (done.returncode, done.stderr) == (0, b"")
    looks = ("cat", "show", "is-", "daemon-reload", "reset-failed")
    return [line for line in log.read_text().splitlines() if not line.startswith(looks)]


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        ({"active": "active"}, []),
        ({"active": "active", "enabled": "static"}, []),
        ({"active": "active", "enabled": "disabled"}, ["-q enable x"]),
        ({}, ["restart x"]),
        ({"active": "failed", "enabled": "disabled"}, ["-q enable x", "restart x"]),
        ({"there": ""}, []),  # it reads its files when it is there, and first starts
    ],
)
def test_a_service_is_started_unless_it_runs(
    shell: str, tmp_path: Path, state: dict[str, str], changes: list[str]
) -> None:
    assert asked(shell, tmp_path, Service("x", settle_s=1), **state) == changes


def test_a_service_that_runs_with_former_files_is_started_again(shell: str, tmp_path: Path) -> None:
    (tmp_path / "config").touch()
    service = Service("x", newer_than=(str(tmp_path / "config"),), settle_s=1)
    assert asked(shell, tmp_path, service, active="active") == ["restart x"]


def test_where_an_image_is_made_a_service_is_only_enabled(shell: str, tmp_path: Path) -> None:
    fragment = Service("x").first_mend().replace("/run/systemd/system", "/nowhere")
    done = sh(shell, f'systemctl() {{ echo "$@"; return 1; }}\n(\n{fragment}\n)\n')
    assert (done.returncode, done.stdout) == (0, b"-q enable x\n")


@pytest.mark.parametrize(
    ("package", "installs"),
    [
        (Package(("dpkg",)), False),
        (Package(("not-there", "dpkg"), brings=("sh",)), False),
        (Package(("not-there", "dpkg")), True),
    ],
)
def test_packages_are_installed_only_if_one_is_lacking(shell: str, package: Package, installs: bool) -> None:
    done = sh(shell, f"(\n{package.first_mend().replace('apt-get', 'echo apt-get')}\n)\n")
    assert (done.returncode, b"install -- not-there dpkg" in done.stderr) == (0, installs)


@pytest.mark.parametrize("mode", ["0644", "600"])
def test_a_file_that_is_right_is_not_written_again(shell: str, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "it's a file"
    file = File(str(path), "content\n", mode=mode, owner=me(tmp_path))
    head = script_head("0", "a test", str(tmp_path / "runs"), str(tmp_path / "lock"))
    numbers = set[int]()
    for change in (lambda: None, lambda: None, lambda: path.chmod(0o666), lambda: path.write_text("other")):
        change()
        done = sh(shell, f"{head}\n(\n{file.first_mend()}\n)\n")
        assert (done.returncode, done.stderr) == (0, b"")
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("content\n", int(mode, 8))
        numbers.add(path.stat().st_mtime_ns)
    assert len(numbers) == 3  # the second time it was right
