"""A scheduled drift check, backup or rotation as units of systemd and as a line of cron; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from shlex import join

from moor.errors import InputError

MINUTES = (5, 6, 10, 12, 15, 20, 30)  # that divide an hour
HOURS = (1, 2, 3, 4, 6, 8, 12)  # that divide a day
DAYS = (1, 7)
ALLOWED = "5m 6m 10m 12m 15m 20m 30m, 1h 2h 3h 4h 6h 8h 12h, 1d, 7d"


class Work(StrEnum):
    """What can be scheduled, each by a job of its own."""

    drift = "drift"
    backup = "backup"
    rotation = "rotation"


TITLES = {Work.drift: "Drift check", Work.backup: "Backup", Work.rotation: "Rotation of robots"}
COMMANDS = {Work.drift: ("drift",), Work.backup: ("backup",), Work.rotation: ("rotate", "robot", "--yes")}


@dataclass(frozen=True)
class Every:
    """A period between checks that divides an hour, a day or a week.

    Attributes:
        calendar: the times in the form of systemd.time(7)
        cron: the times in the form of crontab(5)
    """

    text: str
    seconds: int
    calendar: str
    cron: str


def parse_period(text: str) -> Every:
    """Parse a period such as ``15m``, ``1h`` or ``1d``.

    Raises:
        InputError: It is none of ``ALLOWED``.
    """
    found = re.fullmatch(r"([1-9]\d*)([mhd])", text)
    number, unit = (int(found[1]), found[2]) if found else (0, "")
    if unit == "m" and number in MINUTES:
        return Every(text, number * 60, f"*:0/{number}", f"*/{number} * * * *")
    if unit == "h" and number in HOURS:
        return Every(text, number * 3600, f"*-*-* 0/{number}:00:00", f"0 */{number} * * *")
    if unit == "d" and number in DAYS:
        monday = ("Mon ", "1") if number == 7 else ("", "*")
        return Every(text, number * 86400, f"{monday[0]}*-*-* 00:00:00", f"0 0 * * {monday[1]}")
    raise InputError(f"--every {text}: not a period that moor can schedule; choose one of {ALLOWED}")


@dataclass(frozen=True)
class Job:
    """A command for one site that is repeated.

    Attributes:
        argv: the complete command
        user: who runs it
        writable: directories that it writes to
        env_file: has the variables that the site's ``env:`` references name; None where there are none
    """

    site: Path
    argv: tuple[str, ...]
    every: Every
    user: str
    writable: tuple[Path, ...]
    env_file: Path | None = None
    work: Work = Work.drift

    @property
    def name(self) -> str:
        return name_of(self.site, self.work)

    @property
    def title(self) -> str:
        return TITLES[self.work]

    @property
    def delay_s(self) -> int:
        """Return the maximum of a random delay in seconds, so that not all controllers begin at the full hour."""
        return min(self.every.seconds // 10, 300)


def name_of(site: Path, work: Work = Work.drift) -> str:
    """Return the name of a site's job, unique for its path and what it does."""
    word = re.sub(r"[^a-z0-9]+", "-", site.name.lower()).strip("-") or "site"
    return f"moor-{work}-{word}-{sha256(str(site).encode()).hexdigest()[:6]}"


def words(argv: Sequence[str]) -> str:
    """Return a command in the form of systemd.service(5): words quoted, ``%`` and ``$`` doubled."""
    return " ".join(f'"{_escaped(word).replace("$", "$$")}"' for word in argv)


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def service_unit(job: Job, of_user: bool = False) -> str:
    """Return the service unit; ``of_user`` for a user's own manager, which cannot drop rights of the service."""
    env = f"EnvironmentFile={_path(job.env_file)}\n" if job.env_file else ""
    who = "" if of_user else f"User={job.user}\n"
    return f"""\
# Written by moor. Change it by moor schedule install; moor schedule remove deletes it.
[Unit]
Description={job.title} of {_path(job.site)} by moor
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
{who}{env}WorkingDirectory={_path(job.site)}
ExecStart={words(job.argv)}
TimeoutStartSec={job.every.seconds}
Nice=10
UMask=0077
{"" if of_user else _hardened(job)}"""


def _hardened(job: Job) -> str:
    places = " ".join(f'"{_escaped(str(place))}"' for place in job.writable)
    return f"""\
ProtectSystem=strict
ReadWritePaths={places}
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
NoNewPrivileges=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
CapabilityBoundingSet=CAP_DAC_READ_SEARCH
"""


def timer_unit(job: Job) -> str:
    """Return the timer unit."""
    return f"""\
# Written by moor. Change it by moor schedule install; moor schedule remove deletes it.
[Unit]
Description={job.title} of {_path(job.site)} by moor, every {job.every.text}

[Timer]
OnCalendar={job.every.calendar}
RandomizedDelaySec={job.delay_s}
AccuracySec=1s
Persistent=yes

[Install]
WantedBy=timers.target
"""


def cron_line(job: Job, user: bool) -> str:
    """Return the line of a crontab; ``user`` adds the name of the user, as files below /etc/cron.d need it.

    References:
        crontab(5): an unescaped ``%`` is a newline.
    """
    lock = job.writable[0] / ("schedule.lock" if job.work is Work.drift else f"schedule-{job.work}.lock")
    env = f"set -a; . {join([str(job.env_file)])}; set +a; " if job.env_file else ""
    command = f"{env}cd {join([str(job.site)])} && exec flock -n {join([str(lock)])} {join(job.argv)} >/dev/null 2>&1"
    who = f"{job.user} " if user else ""
    return f"{job.every.cron} {who}{command}\n".replace("%", "\\%")


def _path(path: Path) -> str:
    """Return a path escaped for a unit.

    Raises:
        InputError: A unit or a crontab cannot hold the path.
    """
    if any(not letter.isprintable() for letter in str(path)) or str(path) != str(path).strip():
        raise InputError(f"{str(path)!r}: a path with such characters cannot be scheduled; move the site")
    return str(path).replace("%", "%%")
