"""What a host holds whose clock is kept from the inventory's servers; few fleets have the section, so imported late."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from nornir.core.inventory import Host

from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.resources.leftover import Leftover
from moor.resources.requirement import Requirement
from moor.tasks.packages import packages
from moor.tasks.time.chrony_conf import DEBIANS, PATHS, with_servers, without_servers
from moor.tasks.time.keeper import CHRONY, COMMANDS, DAEMONS, TIMESYNCD, TIMESYNCD_PROGRAMS, UNITS, find_keeper
from moor.tasks.time.resources import PackagedEdit, Reread, SetClock, Timekeeper
from moor.tasks.time.settings import TimeSettings

DROP_IN = "/etc/systemd/timesyncd.conf.d/moor.conf"
MARK = "# Written by moor from data.time.\n"
# chronyd before 4.1 cannot check a file.
CHECK = "! chronyd --help 2>&1 | grep -q -e '-p' || chronyd -p -f \"$t\" >/dev/null"


def resources_of(host: Host, settings: TimeSettings) -> Sequence[Resource]:
    """Return the program, its servers, its service and a clock that is set."""
    service, servers = settings.service, settings.servers
    return [
        keeper_requirement(service),
        *packages(host, package_of(service), _programs(service)),
        *_files(service, partial(with_servers, servers=servers), timesyncd_conf(servers)),
        Timekeeper("time", newer_than=(*PATHS, DROP_IN), keeper=service, put_back=True),
        SetClock(service, servers, settings.offset_ms / 1000),
    ]


def package_of(service: str | None) -> tuple[str, ...]:
    """Return the package that brings the program."""
    return ("systemd-timesyncd",) if service == TIMESYNCD else ("chrony",)


def _programs(service: str | None) -> tuple[str, ...]:
    """Return the programs of which one makes a package unnecessary."""
    found = {CHRONY: ("chronyd",), TIMESYNCD: TIMESYNCD_PROGRAMS}
    return found[service] if service else (*found[CHRONY], *TIMESYNCD_PROGRAMS)


def _files(service: str | None, edit: Callable[[str], str], drop_in: str) -> Iterator[Resource]:
    for path in PATHS:
        asks, shipped = asks_chrony(service, path), DEBIANS if path == PATHS[0] else ()
        yield PackagedEdit(path, "time", partial(_if_there, edit=edit), asks=asks, validate=CHECK, shipped=shipped)
    yield Edit(DROP_IN, "time", partial(_whole, text=drop_in), asks=asks_timesyncd(service))


def asks_chrony(service: str | None, path: str) -> str:
    """Return sh that prints something if chrony keeps the clock, and has its configuration at ``path``.

    Where there is none yet, the package brings Debian's.
    """
    other = f"[ ! -e {PATHS[1]} ]" if path == PATHS[0] else "false"
    return f"{find_keeper(service)}; [ $k != {CHRONY} ] || {{ [ ! -e {path} ] && ! {other}; }} || echo there"


def asks_timesyncd(service: str | None) -> str:
    """Return sh that prints something if timesyncd keeps the clock."""
    return f"{find_keeper(service)}; [ $k != {TIMESYNCD} ] || echo there"


def timesyncd_conf(servers: Sequence[str]) -> str:
    """Return timesyncd's drop-in; the empty assignment takes out what files before it name (timesyncd.conf(5))."""
    return f"{MARK}[Time]\nNTP=\nNTP={' '.join(servers)}\n"


def _if_there(content: str, facts: str, edit: Callable[[str], str]) -> str:
    return edit(content) if facts else content


def _whole(content: str, facts: str, text: str) -> str:
    """Return moor's drop-in, or nothing in its place where another program keeps the clock."""
    return text if facts else "" if content.startswith(MARK) else content


def keeper_requirement(service: str | None) -> Requirement:
    """Require that no other program keeps the clock, and that the host may set one.

    Where somebody has a drop-in for the unit, in a container that serves time for instance, that is their decision.
    """
    fragment = f"""\
{find_keeper(service)}
case $k in {TIMESYNCD}) names='{" ".join(UNITS[TIMESYNCD])}' ;; *) names='{" ".join(UNITS[CHRONY])}' ;; esac
d=$(for u in $names; do ls /etc/systemd/system/$u.service.d/*.conf 2>/dev/null; done)
echo "keeper=$k"
c=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/1/status 2>/dev/null)
[ -z "$c" ] || [ -n "$d" ] || [ "$(( 0x$c >> 25 & 1 ))" = 1 ] || echo clock=fixed
cat /proc/[0-9]*/comm 2>/dev/null | grep -xE '{"|".join(DAEMONS)}' | sort -u | sed 's/^/runs=/'"""
    return Requirement("time-keeper", fragment, judge_keeper)


def judge_keeper(output: str) -> str:
    """Return what stands in the way of the program that is to keep the clock, with the remedy; else empty."""
    pairs = [line.split("=", 1) for line in output.splitlines() if "=" in line]
    keeper = dict(pairs).get("keeper", CHRONY)
    if ["clock", "fixed"] in pairs:
        return "it is a container that may not set the clock, which its machine keeps; take data.time out for it"
    other = [value for key, value in pairs if key == "runs" and value not in (COMMANDS[keeper], "phc2sys", "ptp4l")]
    units = {"chronyd": "chrony", "ntpd": "ntpsec", "openntpd": "openntpd", "systemd-timesyn": "systemd-timesyncd"}
    if not other:
        return ""
    stop = " ".join(units[one] for one in other)
    return f"{' and '.join(other)} keeps its clock, and {keeper} is to; run: systemctl disable --now {stop}"


def leftovers() -> Sequence[Resource]:
    """Return the files without moor's servers, and the program that does not run with them any more."""
    there = "[ ! -e {} ] || echo there"
    return [
        *(Edit(path, "time", partial(_if_there, edit=without_servers), asks=there.format(path)) for path in PATHS),
        Leftover(DROP_IN, MARK.strip()),
        Reread(),
    ]
