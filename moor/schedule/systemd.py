"""Scheduling by a timer of systemd: the system's, or a user's own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from moor.errors import ErrorKind, HostError
from moor.schedule.job import Job, service_unit, timer_unit
from moor.secrets import private_files

SYSTEM = Path("/etc/systemd/system")
LIMIT_S = 30


@dataclass(frozen=True)
class Systemd:
    """The systemd that runs the timer: the system's, or a user's own, and the directory of its units."""

    of_user: bool
    directory: Path

    def install(self, job: Job) -> list[str]:
        """Write the units and start the timer; return what was done."""
        files = self._files(job.name)
        for path, content in zip(files, (service_unit(job, self.of_user), timer_unit(job)), strict=True):
            private_files.make_missing(path.parent)
            private_files.write(path, content.encode(), mode=0o644)
        self._call("daemon-reload")
        self._call("enable", "--quiet", files[1].name)
        self._call("restart", files[1].name)
        return [*(f"written {path}" for path in files), f"started {files[1].name}"]

    def remove(self, name: str) -> list[str]:
        """Stop the timer and delete the units; return what was done."""
        files = [path for path in self._files(name) if path.exists()]
        if not files:
            return []
        self._call("disable", "--quiet", "--now", f"{name}.timer")
        for path in files:
            path.unlink()
        self._call("daemon-reload")
        self._try("reset-failed", f"{name}.service")
        return [f"removed {path}" for path in files]

    def show(self, name: str) -> list[str]:
        """Return the last run, its exit code and the next run; nothing where the job is not installed."""
        service, timer = self._files(name)
        if not timer.exists():
            return []
        when, ran = self._properties(timer.name), self._properties(service.name)
        last = ran.get("ExecMainExitTimestamp") or "not yet"
        code = f", exit code {ran.get('ExecMainStatus', '?')}" if ran.get("ExecMainExitTimestamp") else ""
        return [
            f"{timer} ({when.get('ActiveState', 'unknown')})",
            *(line for line in timer.read_text().splitlines() if line.startswith("OnCalendar")),
            *(line for line in service.read_text().splitlines() if line.startswith("ExecStart")),
            f"last: {last}{code}",
            f"next: {when.get('NextElapseUSecRealtime') or 'unknown'}",
        ]

    def _files(self, name: str) -> tuple[Path, Path]:
        return self.directory / f"{name}.service", self.directory / f"{name}.timer"

    def _properties(self, unit: str) -> Mapping[str, str]:
        lines = self._try("show", unit).stdout.splitlines()
        return {key: value for key, _, value in (line.partition("=") for line in lines)}

    def _try(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = ["systemctl", *(["--user"] if self.of_user else []), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=LIMIT_S)

    def _call(self, *words: str) -> None:
        done = self._try(*words)
        if done.returncode:
            raise HostError(
                f"systemctl {' '.join(words)}: {done.stderr.strip() or f'exit {done.returncode}'}", ErrorKind.CONTROLLER
            )


def find_systemd() -> Systemd | None:
    """Return the manager for the current user; None where systemd does not run, or has no manager for this user."""
    if not Path("/run/systemd/system").is_dir():
        return None
    if os.getuid() == 0:
        return Systemd(False, SYSTEM)
    manager = Systemd(True, Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "systemd/user")
    return manager if manager._try("list-timers").returncode == 0 else None
