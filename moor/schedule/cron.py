"""Scheduling by cron: a file below /etc/cron.d, or marked lines in a user's crontab."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from moor.errors import ErrorKind, HostError
from moor.schedule.job import Job, cron_line
from moor.secrets import private_files

SYSTEM = Path("/etc/cron.d")
HEAD = "# Written by moor. Change it by moor schedule install; moor schedule remove deletes it.\n"
LIMIT_S = 30
# What crontab -l prints for a user without a crontab: cron and cronie, then busybox. Any other failure is an error.
NO_CRONTAB = re.compile(r"\bno crontab for |crontab: can't open '[^'/]+': No such file or directory")


@dataclass(frozen=True)
class CronFile:
    """A file below /etc/cron.d."""

    directory: Path = SYSTEM

    def install(self, job: Job) -> list[str]:
        """Write the file; cron notices it."""
        path = self.directory / job.name
        private_files.write(path, f"{HEAD}{cron_line(job, user=True)}".encode(), mode=0o644)
        return [f"written {path}"]

    def remove(self, name: str) -> list[str]:
        """Delete the file."""
        path = self.directory / name
        if not path.exists():
            return []
        path.unlink()
        return [f"removed {path}"]

    def show(self, name: str) -> list[str]:
        """Return the file and its line; cron keeps no record of runs."""
        path = self.directory / name
        return [str(path), path.read_text().splitlines()[-1]] if path.exists() else []


@dataclass(frozen=True)
class UsersCrontab:
    """Marked lines of a user's crontab; all others stay."""

    def install(self, job: Job) -> list[str]:
        """Insert the line, or replace the former one."""
        self._write(with_block(self._read(), job.name, cron_line(job, user=False)))
        return [f"written to the crontab of {job.user}"]

    def remove(self, name: str) -> list[str]:
        """Remove the line."""
        text = self._read()
        rest = with_block(text, name, "")
        if rest == text:
            return []
        self._write(rest)
        return ["removed from your crontab"]

    def show(self, name: str) -> list[str]:
        """Return the line."""
        begin, end = marks(name)
        lines = self._read().split("\n")
        if begin not in lines:
            return []
        rest = lines[lines.index(begin) + 1 :]
        return ["your crontab", *(rest[: rest.index(end)] if end in rest else rest[:1])]

    def _read(self) -> str:
        done = _crontab("-l")
        said = done.stderr.decode("utf-8", "replace").strip()
        if done.returncode and not NO_CRONTAB.search(said):
            raise HostError(
                f"crontab -l: {said or f'it ended with {done.returncode}'}; nothing was changed", ErrorKind.CONTROLLER
            )
        return "" if done.returncode else done.stdout.decode("utf-8", "surrogateescape")

    def _write(self, text: str) -> None:
        done = _crontab("-", text.encode("utf-8", "surrogateescape"))
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").strip()
            raise HostError(
                f"crontab: {words}; nothing was changed, may this user have a crontab?", ErrorKind.CONTROLLER
            )


def _crontab(argument: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run crontab in English, so that its messages can be matched."""
    english = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["crontab", argument], input=text, capture_output=True, check=False, timeout=LIMIT_S, env=english
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"crontab {argument}: {error}; nothing was changed", ErrorKind.CONTROLLER) from None


def marks(name: str) -> tuple[str, str]:
    """Return the lines before and after a job."""
    return f"# BEGIN {name}", f"# END {name}"


def with_block(text: str, name: str, line: str) -> str:
    """Return a crontab with ``line`` between the job's marks, or without line and marks where it is empty.

    Raises:
        HostError: One of the marks is missing, so that the end of the job is unknown.
    """
    kept: list[str] = []
    place, open_ = None, False
    for one in re.findall(r"[^\n]*\n|[^\n]+", text):
        mark = one.rstrip()
        if mark in marks(name):
            if open_ is (mark == marks(name)[0]):
                raise HostError(f"crontab: {_unpaired(name)}", ErrorKind.CONTROLLER)
            open_ = not open_
            place = len(kept) if place is None else place
        elif not open_:
            kept.append(one)
    if open_:
        raise HostError(f"crontab: {_unpaired(name)}", ErrorKind.CONTROLLER)
    before, after = "".join(kept[:place]), "".join(kept[place:] if place is not None else ())
    gap = "" if not before or before.endswith("\n") else "\n"
    begin, end = marks(name)
    return f"{before}{gap}{begin}\n{line}{end}\n{after}" if line else f"{before}{after}"


def _unpaired(name: str) -> str:
    begin, end = marks(name)
    return (
        f"only one of the lines {begin!r} and {end!r} is there, so that moor cannot tell its own line from yours; "
        "delete it and moor's line with crontab -e; nothing was changed"
    )


def find_cron() -> CronFile | UsersCrontab | None:
    """Return the crontab for the current user; None without cron."""
    if os.getuid() == 0 and SYSTEM.is_dir():
        return CronFile()
    return UsersCrontab() if shutil.which("crontab") else None
