"""What network devices hold, over time: each check keeps a device's configuration when it has changed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Task

from moor.connections.names import NETMIKO, connection_of
from moor.context import change_context, site_of
from moor.engine.device_configurations import ConfigurationResult, DeviceConfiguration
from moor.errors import HistoryError, MoorError
from moor.history.configuration_marks import read_marks, write_marks
from moor.history.connection import Connection, as_values
from moor.history.database import connected
from moor.history.sql import columns_of, insert, select
from moor.known_configurations import KnownConfigurations
from moor.processors import QuietProcessor
from moor.run.report import DeviceReport, RunReport
from moor.settings.access import SiteSettings

TABLE = "configurations"


@dataclass(frozen=True)
class ConfigurationRow:
    """One configuration of a device, without its text.

    Attributes:
        version: counted from 1 on each device.
        run: the first that read it.
        first_seen: by which check.
        last_seen: by which check; since then another one has been there, or nobody has looked.
        changed_by: the user who changed the device to it; empty if the device did not tell.
        changed_at: when, in the device's words.
        lines: how many it has.
        added: lines that the version before has not.
        removed: lines of the version before that it has not.
    """

    host: str
    version: int
    run: str
    first_seen: datetime
    last_seen: datetime
    changed_by: str
    changed_at: str
    digest: str
    lines: int
    added: int
    removed: int


ADD = insert(TABLE, (*columns_of(ConfigurationRow), "content"))
SEEN = "UPDATE configurations SET last_seen = :seen WHERE host = :host AND version = :version"
LAST = "version = (SELECT max(version) FROM configurations AS newer WHERE newer.host = configurations.host)"
NEWEST = select(ConfigurationRow, TABLE, f"WHERE {LAST} ORDER BY host")
OF_HOST = select(ConfigurationRow, TABLE, "WHERE host = :host ORDER BY version DESC")
TEXT = "SELECT content FROM configurations WHERE host = :host AND version = :version"
FORGET = "DELETE FROM configurations WHERE last_seen < :oldest"


def newest(connection: Connection) -> dict[str, ConfigurationRow]:
    """Return the last configuration of each device, by its name."""
    return {row.host: row for row in as_values(ConfigurationRow, connection.rows(NEWEST))}


def of_device(connection: Connection, host: str) -> list[ConfigurationRow]:
    """Return the configurations of a device, newest first."""
    return as_values(ConfigurationRow, connection.rows(OF_HOST, {"host": host}))


def text_of(connection: Connection, row: ConfigurationRow) -> str:
    """Return the text of a configuration."""
    found = connection.rows(TEXT, {"host": row.host, "version": row.version})
    return zlib.decompress(bytes(found[0][0])).decode("utf-8", "surrogatepass")


class ConfigurationKeeper(QuietProcessor):
    """A Nornir processor that collects the configurations which a run reads; ``keep`` adds them to the history.

    A run over hosts without a network device costs nothing.
    """

    def __init__(self, nr: Nornir) -> None:
        self._settings = site_of(nr)
        self._read: dict[str, list[DeviceConfiguration]] = {}
        self._before = KnownConfigurations()
        if any(connection_of(host) == NETMIKO for host in nr.inventory.hosts.values()):
            self._before = read_marks(self._settings, self._known())
            change_context(nr, known_configurations=self._before)

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Collect what a task has read of a device."""
        for found in result[1:]:
            if isinstance(found, ConfigurationResult):
                self._read.setdefault(host.name, []).append(found.read)

    def keep(self, report: RunReport) -> str:
        """Keep what has changed, and note it in the report; return why that was not possible, empty if it was."""
        fault = keep_read(self._settings, report, self._read)
        if not fault:
            write_marks(self._settings, self._before, {host: several[-1] for host, several in self._read.items()})
        return fault

    def _known(self) -> Mapping[str, str]:
        """Return the digests of what was kept last; none before the first run, or if the history cannot be read."""
        try:
            with connected(self._settings, writing=False) as connection:
                return {host: row.digest for host, row in newest(connection).items()}
        except HistoryError:
            return {}


def keep_read(settings: SiteSettings, report: RunReport, read: Mapping[str, Sequence[DeviceConfiguration]]) -> str:
    """Keep what a run has read of each device, in that order, where it differs from what was kept before.

    Returns:
        why that was not possible; empty if it was.
    """
    if not read:
        return ""
    try:
        with connected(settings, writing=True) as connection:
            known = newest(connection)
            for host, several in read.items():
                report.devices[host] = _kept(connection, report, known.get(host), host, several)
    except MoorError as error:
        return f"what devices hold is not kept: {error}"
    return ""


def _kept(
    connection: Connection,
    report: RunReport,
    last: ConfigurationRow | None,
    host: str,
    read: Sequence[DeviceConfiguration],
) -> DeviceReport:
    """Add the configurations that differ from the one before, and return what became of the last one."""
    former, seen = last, datetime.fromisoformat(report.started)
    for one in read:
        if one.text is not None and (last is None or last.digest != one.digest):
            before = text_of(connection, last) if last else ""
            last = _row(report.run, seen, last, host, one, before)
            connection.run(ADD, [{**vars(last), "content": zlib.compress(one.text.encode("utf-8", "surrogatepass"))}])
    if last is None:  # another controller has removed what this run found unchanged
        return DeviceReport()
    connection.run(SEEN, [{"host": host, "version": last.version, "seen": seen}])
    changed = former is not None and former.version != last.version
    since = former.last_seen if changed and former else last.first_seen
    counts = (last.added, last.removed) if changed else (0, 0)
    return DeviceReport(
        last.version, changed, since.isoformat(timespec="seconds"), *counts, last.changed_by, last.changed_at
    )


def _row(
    run: str, seen: datetime, last: ConfigurationRow | None, host: str, read: DeviceConfiguration, before: str
) -> ConfigurationRow:
    after = (read.text or "").splitlines()
    added, removed = _counted(before.splitlines(), after) if last else (0, 0)
    about = (read.changed_by, read.changed_at, read.digest, len(after), added, removed)
    return ConfigurationRow(host, last.version + 1 if last else 1, run, seen, seen, *about)


def _counted(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """Return how many lines were added and removed."""
    signs = [line[0] for line in list(unified_diff(before, after, lineterm="", n=0))[2:]]
    return signs.count("+"), signs.count("-")
