"""Configurations of devices in either kind of database: added when they differ, seen again, forgotten with the runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from moor.engine.device_configurations import DeviceConfiguration, digest_of
from moor.history.configurations import keep_read, newest, of_device, text_of
from moor.history.database import connected
from moor.history.recording import record
from moor.run.report import DeviceReport, HostReport, RunReport
from moor.settings import SiteSettings
from tests.history.reports import a_run


def keep(settings: SiteSettings, when: datetime, *texts: str, by: str = "") -> DeviceReport:
    """Keep what one run read of edge1, an empty text for what had not changed."""
    read = [DeviceConfiguration(digest_of(text), text or None, by, "noon") for text in texts]
    report = RunReport(f"run-{when:%d}", "devices", {"edge1": HostReport()}, started=when.isoformat())
    assert keep_read(settings, report, {"edge1": read}) == ""
    return report.devices["edge1"]


def test_a_configuration_is_added_where_it_differs_and_its_text_comes_back(anywhere: SiteSettings) -> None:
    day = datetime(2026, 11, 1, 12, tzinfo=UTC)
    first = keep(anywhere, day, "hostname édge1\nend\n", by="ops")
    assert (first.version, first.changed, first.since[:10]) == (1, False, "2026-11-01")
    again = keep(anywhere, day + timedelta(days=1), "hostname édge1\nend\n")
    assert (again.version, again.changed, again.changed_by) == (1, False, "ops")
    other = keep(anywhere, day + timedelta(days=2), "hostname édge1\nend\n", "hostname édge1\nmtu 9000\n", by="ann")
    assert other == DeviceReport(2, True, "2026-11-02T12:00:00+00:00", 1, 1, "ann", "noon")
    with connected(anywhere, writing=False) as connection:
        rows = of_device(connection, "edge1")
        assert [(row.version, row.lines, row.first_seen.day, row.last_seen.day) for row in rows] == [
            (2, 2, 3, 3),
            (1, 2, 1, 2),
        ]
        assert [text_of(connection, row) for row in rows] == ["hostname édge1\nmtu 9000\n", "hostname édge1\nend\n"]
        assert newest(connection)["edge1"] == rows[0]


def test_what_no_check_has_seen_for_long_is_forgotten_with_the_runs(anywhere: SiteSettings) -> None:
    now = datetime.now(UTC)
    keep(anywhere, now - timedelta(days=anywhere.history_days + 2), "a\n")
    keep(anywhere, now - timedelta(days=anywhere.history_days - 2), "b\n")
    record(anywhere, a_run({"edge1": {"acl:X": "ok"}}), frozenset({"edge1"}))
    with connected(anywhere, writing=False) as connection:
        assert [row.version for row in of_device(connection, "edge1")] == [2]
