"""From which servers a host's clock is set, as settings of the inventory; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from moor.tasks.survey.script import HostView
from moor.tasks.survey.setting import Setting
from moor.tasks.time.chrony_conf import BLOCK, SHIPPED, source_of
from moor.tasks.time.keeper import CHRONY, COMMANDS, TIMESYNCD
from moor.tasks.time.settings import Server

TIME = ("data", "time")
CHRONYS = ("/etc/chrony/", "/etc/chrony.conf", "/etc/chrony.d/")
TIMESYNCDS = "/etc/systemd/timesyncd.conf"
MARKS = re.compile(rf"^# BEGIN moor {BLOCK}$(.*?)^# END moor {BLOCK}$", re.MULTILINE | re.DOTALL)
SERVER = TypeAdapter(Server)


def time_settings(view: HostView) -> Iterator[Setting]:
    """Yield ``data.time`` of a host whose clock is kept from servers that somebody chose.

    A distribution's own pool is nobody's choice; nor is a server that DHCP names. Where moor wrote servers, those of
    others beside them are told by ``moor plan``.
    """
    keeper = next((one for one in (CHRONY, TIMESYNCD) if view.has("timekeeper", COMMANDS[one])), "")
    if not keeper:
        return
    servers, source = _chrony(view) if keeper == CHRONY else _timesyncd(view)
    usable = [word for word in dict.fromkeys(servers) if _is_server(word)]
    if not usable:
        return
    yield Setting((*TIME, "servers"), usable, source, shared=True)
    if keeper == TIMESYNCD and view.has("program", "chronyd"):
        yield Setting((*TIME, "service"), TIMESYNCD, "the program that runs", shared=True)


def _chrony(view: HostView) -> tuple[list[str], str]:
    files = sorted(view.below(*CHRONYS), key=lambda file: not file[0].endswith("chrony.conf"))
    for path, text in files:
        if ours := MARKS.search(text):
            return _sources(ours[1]), path
    found = [(path, name) for path, text in files for name in _sources(text)]
    return [name for _, name in found], ", ".join(dict.fromkeys(path for path, _ in found))


def _sources(text: str) -> list[str]:
    names = map(source_of, text.splitlines())
    return [name for name in names if name and not SHIPPED.search(name)]


def _timesyncd(view: HostView) -> tuple[list[str], str]:
    """Return the servers of ``NTP=``; drop-ins come after the file itself, and an empty value forgets those before."""
    servers, source = list[str](), ""
    files = sorted(view.below(TIMESYNCDS), key=lambda file: (file[0] != TIMESYNCDS, file[0]))
    for path, text in files:
        for line in text.splitlines():
            key, equals, value = line.partition("=")
            if equals and key.strip() == "NTP":
                servers, source = ([*servers, *value.split()], path) if value.strip() else ([], path)
    return [name for name in servers if not SHIPPED.search(name)], source


def _is_server(word: str) -> bool:
    try:
        SERVER.validate_python(word)
    except ValidationError:
        return False
    return True
