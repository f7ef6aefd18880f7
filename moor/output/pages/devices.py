"""Network devices as the page shows them: what each held over time, and how its configuration changed last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff

from moor.history.configurations import ConfigurationRow, newest, of_device, text_of
from moor.history.connection import Connection
from moor.output.devices import changed_by
from moor.output.pages.diffs import Row, rows_of
from moor.output.pages.words import anchor, natural
from moor.secrets.secret import mask

DEVICES = 100  # that are shown, those that changed last first
VERSIONS = 10  # of each
MAX_DIFF = 4000  # characters of one diff
ALL_DIFFS = 200_000  # characters of all of them
AROUND = 3  # lines around a change


@dataclass(frozen=True)
class VersionView:
    """One configuration of a device, and who made it, as far as the device tells."""

    row: ConfigurationRow
    by: str


@dataclass(frozen=True)
class DeviceView:
    """A device with its configurations, newest first.

    Attributes:
        rest: how many versions are not shown
        diff: the last change; empty if there was none, or the page has no room for it
        is_cut: whether the diff is longer than what is shown of it
    """

    host: str
    anchor: str
    versions: Sequence[VersionView]
    rest: int
    diff: Sequence[Row]
    is_cut: bool


@dataclass(frozen=True)
class DevicesView:
    """The devices that are shown, and how many are not."""

    shown: Sequence[DeviceView]
    rest: int


def read_devices(connection: Connection) -> DevicesView:
    """Read what history keeps of network devices, those that changed last first."""
    last = sorted(newest(connection).values(), key=lambda row: natural(row.host))
    last.sort(key=lambda row: (row.version > 1, row.first_seen), reverse=True)
    room, shown = ALL_DIFFS, []
    for row in last[:DEVICES]:
        rows = of_device(connection, row.host)
        diff = _last_diff(connection, rows) if room > 0 else ""
        room -= min(len(diff), MAX_DIFF)
        shown.append(_view(rows, diff))
    return DevicesView(shown, len(last) - len(shown))


def _last_diff(connection: Connection, rows: Sequence[ConfigurationRow]) -> str:
    """Return how the last two versions differ; empty if only one is kept."""
    if len(rows) < 2:
        return ""
    after, before = (text_of(connection, row).splitlines() for row in rows[:2])
    return "\n".join(list(unified_diff(before, after, n=AROUND, lineterm=""))[2:])


def _view(rows: Sequence[ConfigurationRow], diff: str) -> DeviceView:
    host = rows[0].host
    versions = [VersionView(row, mask(changed_by(row.changed_by, row.changed_at))) for row in rows[:VERSIONS]]
    cut = diff if len(diff) <= MAX_DIFF else diff[:MAX_DIFF].rpartition("\n")[0]
    return DeviceView(
        host, anchor("device", host), versions, len(rows) - len(versions), rows_of(mask(cut)), len(cut) < len(diff)
    )
