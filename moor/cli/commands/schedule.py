"""The actions of schedule: install, show and remove the site's job."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nornir.core import Nornir
from pydantic import BaseModel

from moor.cli.commands.drift import DriftOptions, refuse_unknown_kinds
from moor.cli.commands.history import settings_for
from moor.cli.commands.running import open_fleet, runbook_of
from moor.cli.options import Options
from moor.context import site_of
from moor.errors import InputError
from moor.run.protocols.keeping import backups_of
from moor.run.runbook import OWN_REGISTRY
from moor.schedule import cron, systemd
from moor.schedule.job import COMMANDS, Job, Work, name_of, parse_period
from moor.secrets import private_files
from moor.settings import SecretRef
from moor.settings.config import CONFIG

Scheduler = systemd.Systemd | cron.CronFile | cron.UsersCrontab


@dataclass(frozen=True)
class JobOptions:
    """The options of a scheduled job."""

    every: str
    runbook: str = ""
    mend_kinds: tuple[str, ...] = ()
    limit: str | None = None
    env_file: Path | None = None
    work: Work = Work.drift


def install(options: Options, words: JobOptions) -> int:
    """Install and start the job, and return 0."""
    period = parse_period(words.every)
    with open_fleet(options, dry_run=True) as nr:
        refuse_unknown_kinds(nr, DriftOptions(words.runbook, words.mend_kinds))
        settings = site_of(nr)
        written = list(_backup_directories(nr)) if words.work is Work.backup else []
        values = [settings, *(host.data for host in nr.inventory.hosts.values())]
    env_file = words.env_file.expanduser().absolute() if words.env_file else None
    user = pwd.getpwuid((settings.directory / CONFIG).stat().st_uid)
    refuse_missing_environment(set(references(values)), env_file, user.pw_uid)
    writable = [settings.state, *written, *([settings.metrics.parent] if settings.metrics else [])]
    for directory in (settings.state, *written):
        private_files.make_directory(directory)
        if os.getuid() == 0:
            os.chown(directory, user.pw_uid, user.pw_gid)
    argv = _argv(settings.directory, words)
    job = Job(settings.directory, argv, period, user.pw_name, tuple(writable), env_file, words.work)
    scheduler = _schedulers()[0]
    print("\n".join(scheduler.install(job)))
    return 0


def _backup_directories(nr: Nornir) -> Iterator[Path]:
    """Yield where backups go, after a check of their settings; raise InputError for what is wrong with them."""
    hosts = [host for host in nr.inventory.hosts.values() if OWN_REGISTRY(host)]
    if not hosts:
        raise InputError("schedule backup: moor runs no registry in this fleet; back it up where it is run")
    backups = backups_of(runbook_of(nr, "backup"))
    backups.prepare(nr, hosts[0], "", False)
    yield backups.directory(hosts[0])


def _argv(site: Path, words: JobOptions) -> tuple[str, ...]:
    argv = [sys.executable, "-m", "moor", *COMMANDS[words.work], "--quiet", "--site", str(site)]
    argv += ["--runbook", words.runbook.replace(" ", ",")] if words.runbook else []
    argv += ["--limit", words.limit] if words.limit is not None else []
    return (*argv, *(["--apply", ",".join(words.mend_kinds)] if words.mend_kinds else []))


def _schedulers() -> list[Scheduler]:
    """Return the machine's schedulers, the preferred one first; raise InputError if it has none."""
    known: list[Scheduler] = [one for one in (systemd.find_systemd(), cron.find_cron()) if one]
    if not known:
        raise InputError("schedule: this machine has neither systemd nor cron; install one of them")
    return known


def show(options: Options) -> int:
    """Show the jobs: 0, or 1 if there is none."""
    names = _names(options, Work)
    lines = [line for name in names for one in _schedulers() for line in one.show(name)]
    nothing = f"nothing is scheduled for this site (no {names[0]}); moor schedule install --every 1h does that"
    print("\n".join(lines) or nothing)
    return 0 if lines else 1


def _names(options: Options, what: Iterable[Work]) -> list[str]:
    directory = settings_for(options).directory
    return [name_of(directory, work) for work in what]


def remove(options: Options, what: Iterable[Work]) -> int:
    """Remove the jobs, if there are any, and return 0."""
    lines = [line for name in _names(options, what) for one in _schedulers() for line in one.remove(name)]
    print("\n".join(lines) or "nothing was scheduled for this site")
    return 0


def references(value: Any) -> Iterator[str]:
    """Yield the environment variables that settings refer to."""
    if isinstance(value, SecretRef):
        scheme, _, name = value.reference.partition(":")
        if scheme == "env":
            yield name
    elif isinstance(value, BaseModel):
        yield from references({**dict(value), **(value.model_extra or {})})
    elif isinstance(value, dict):
        for below in value.values():
            yield from references(below)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from references(below)


def refuse_missing_environment(names: set[str], env_file: Path | None, owner: int) -> None:
    """Raise InputError with every variable that a scheduled run would lack; values are never copied to a unit."""
    if env_file is None:
        if names:
            listed = ", ".join(f"env:{name}" for name in sorted(names))
            raise InputError(
                f"a scheduled run has no {listed}; write NAME=value lines into a file, and say --env-file FILE"
            )
        return
    if not env_file.is_file():
        raise InputError(f"--env-file {env_file}: no such file; write NAME=value lines into it, and chmod 600")
    status = env_file.stat()
    if status.st_mode & 0o077 or status.st_uid not in (owner, 0):
        raise InputError(f"--env-file {env_file}: others may read or own it; chmod 600, and chown it to who runs moor")
    held = {line.partition("=")[0].strip() for line in env_file.read_text().splitlines() if "=" in line}
    if lacking := sorted(names - held):
        raise InputError("\n".join(f"--env-file {env_file}: it has no line {name}=..." for name in lacking))
