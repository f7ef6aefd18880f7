"""The part of the page about network devices."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from moor.engine.device_configurations import DeviceConfiguration, digest_of
from moor.history.configurations import keep_read
from moor.output.pages.devices import ALL_DIFFS, DEVICES, MAX_DIFF, VERSIONS
from moor.output.pages.render import page
from moor.run.report import HostReport, RunReport
from moor.secrets.secret import Secret
from moor.settings import SiteSettings
from tests.output.pages.conftest import view_of
from tests.output.pages.filled import NOW


@pytest.fixture
def site(tmp_path: Path) -> SiteSettings:
    return SiteSettings.at(tmp_path, state=tmp_path / "state")


def keep(settings: SiteSettings, when: datetime, texts: dict[str, str], by: str = "") -> None:
    """Keep what one check read of devices."""
    read = {
        host: [DeviceConfiguration(digest_of(text), text, by, "noon" if by else "")] for host, text in texts.items()
    }
    hosts = {host: HostReport() for host in texts}
    assert keep_read(settings, RunReport(f"run-{when:%d%H%M}", "devices", hosts, started=when.isoformat()), read) == ""


def test_a_device_is_shown_with_who_changed_it_and_how(site: SiteSettings) -> None:
    Secret("hunter-two-two")  # as moor knows it of the site
    keep(site, NOW - timedelta(days=2), {"edge1": "hostname edge1\nmtu 1500\n", "edge2": "a\n"}, by="ops")
    keep(site, NOW - timedelta(days=1), {"edge1": "hostname edge1\nmtu <9000> hunter-two-two\n"}, by="ann")
    first, second = view_of(site).devices.shown
    assert (first.host, second.host) == ("edge1", "edge2")  # that changed last comes first
    assert [(v.row.version, v.row.added, v.row.removed, v.by) for v in first.versions] == [
        (2, 1, 1, "ann at noon"),
        (1, 0, 0, "ops at noon"),
    ]
    assert not second.diff
    html = page(view_of(site), "fleet")
    assert '<a href="#devices">Devices</a>' in html
    assert "ann at noon" in html
    assert "&lt;" in html
    assert "<9000>" not in html
    assert "hunter-two-two" not in html


def test_a_site_without_devices_has_no_such_part(settings: SiteSettings) -> None:
    assert "evices" not in page(view_of(settings), "fleet")


def test_many_devices_versions_and_long_changes_leave_the_page_small(site: SiteSettings) -> None:
    names = [f"edge{number}" for number in range(DEVICES + 3)]
    for version in range(VERSIONS + 2):
        text = "".join(f"line {line} of {version}\n" for line in range(300))
        keep(site, NOW - timedelta(hours=50 - version), {"core": text})
    for version in range(2):
        text = "".join(f"line {line} of {version}\n" for line in range(300))
        keep(site, NOW - timedelta(hours=2 - version), dict.fromkeys(names, text))
    devices = view_of(site).devices
    assert (len(devices.shown), devices.rest) == (DEVICES, 4)
    assert all(device.is_cut for device in devices.shown if device.diff)
    assert sum(bool(device.diff) for device in devices.shown) <= ALL_DIFFS / MAX_DIFF + 1
    assert "moor device diff edge1<" in page(view_of(site), "fleet")


def test_of_many_versions_the_last_are_shown(site: SiteSettings) -> None:
    for version in range(VERSIONS + 2):
        keep(site, NOW - timedelta(hours=50 - version), {"core": f"line {version}\n"})
    (core,) = view_of(site).devices.shown
    assert (core.versions[0].row.version, len(core.versions), core.rest) == (VERSIONS + 2, VERSIONS, 2)
    assert "2 more; <code>moor device history core</code>" in page(view_of(site), "fleet")
