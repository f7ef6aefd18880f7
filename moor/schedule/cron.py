"""Crontabs: a file below /etc/cron.d, or lines between marks in a user's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from moor import private
from moor.errors import HostError
from moor.schedule.job import Job, cron_line

SYSTEM = Path("/etc/cron.d")
HEAD = "# Written by moor; moor schedule install writes it anew, moor schedule remove takes it away.\n"
LIMIT_S = 30


@dataclass(frozen=True)
class CronFile:
    """A file below /etc/cron.d."""

    directory: Path = SYSTEM

    def install(self, job: Job) -> list[str]:
        """Write the file; cron sees it by itself."""
        path = self.directory / job.name
        private.write(path, f"{HEAD}{cron_line(job, user=True)}".encode(), mode=0o644)
        return [f"written {path}"]

    def remove(self, name: str) -> list[str]:
        """Take the file away."""
        path = self.directory / name
        if not path.exists():
            return []
        path.unlink()
        return [f"removed {path}"]

    def show(self, name: str) -> list[str]:
        """Give its line; cron keeps no record of its own."""
        path = self.directory / name
        return [str(path), path.read_text().splitlines()[-1]] if path.exists() else []


@dataclass(frozen=True)
class UsersCrontab:
    """Lines of a user's own crontab; every other line is left alone."""

    def install(self, job: Job) -> list[str]:
        """Put the line in, in place of a former one."""
        self._write(with_block(self._read(), job.name, cron_line(job, user=False)))
        return [f"written to the crontab of {job.user}"]

    def remove(self, name: str) -> list[str]:
        """Take the line out."""
        text = self._read()
        rest = with_block(text, name, "")
        if rest == text:
            return []
        self._write(rest)
        return ["taken out of your crontab"]

    def show(self, name: str) -> list[str]:
        """Give the line."""
        begin, end = marks(name)
        _, found, rest = self._read().partition(begin)
        return ["your crontab", rest.partition(end)[0].strip()] if found else []

    def _read(self) -> str:
        done = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False, timeout=LIMIT_S)
        return done.stdout if done.returncode == 0 else ""

    def _write(self, text: str) -> None:
        done = subprocess.run(
            ["crontab", "-"], input=text, capture_output=True, text=True, check=False, timeout=LIMIT_S
        )
        if done.returncode:
            raise HostError(f"crontab: {done.stderr.strip()}")


def marks(name: str) -> tuple[str, str]:
    """Give the lines between which a job stands."""
    return f"# BEGIN {name}\n", f"# END {name}\n"


def with_block(text: str, name: str, line: str) -> str:
    """Give a crontab with ``line`` between the job's marks, or without them where it is empty."""
    begin, end = marks(name)
    before, found, rest = text.partition(begin)
    after = rest.partition(end)[2] if found else ""
    gap = "" if not before or before.endswith("\n") else "\n"
    return f"{before}{gap}{begin}{line}{end}{after}" if line else f"{before}{after}"


def found() -> CronFile | UsersCrontab | None:
    """Give what this user schedules by; None where there is no cron."""
    if os.getuid() == 0 and SYSTEM.is_dir():
        return CronFile()
    return UsersCrontab() if shutil.which("crontab") else None
