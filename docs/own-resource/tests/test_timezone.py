"""Run by `python -m pytest` in the site's directory; no host is needed."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from moor.api import HostError
from tasks.timezone import TimeZone, TimeZoneSettings


def sh(script: str) -> subprocess.CompletedProcess[str]:
    """Run a fragment as a host does: by sh, on its standard input."""
    return subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True)


@pytest.fixture
def berlin(tmp_path: Path) -> TimeZone:
    """Return the resource over a directory with two zones and no link yet."""
    for zone in ("Etc/UTC", "Europe/Berlin"):
        file = tmp_path / "zoneinfo" / zone
        file.parent.mkdir(parents=True)
        file.write_text("TZif2")
    return TimeZone("Europe/Berlin", link=str(tmp_path / "local time"), zones=str(tmp_path / "zoneinfo"))


def test_a_host_without_the_link_has_no_zone(berlin: TimeZone) -> None:
    read = sh(berlin.probe())
    assert (read.returncode, berlin.actual(read.stdout)) == (0, None)


@pytest.mark.parametrize("before", ["", "Etc/UTC"])
def test_what_is_mended_is_as_desired_when_it_is_read_again(berlin: TimeZone, before: str) -> None:
    if before:
        assert sh(replace(berlin, zone=before).mend(None)).returncode == 0
    was = berlin.actual(sh(berlin.probe()).stdout)
    assert was == ({"zone": before} if before else None)
    assert sh(berlin.mend(was)).returncode == 0
    assert berlin.actual(sh(berlin.probe()).stdout) == berlin.desired(None)
    assert not Path(f"{berlin.link}.moor").exists()


def test_a_zone_that_the_host_lacks_fails_and_changes_nothing(berlin: TimeZone) -> None:
    done = sh(replace(berlin, zone="Europe/Berln").mend(None))
    assert (done.returncode, done.stderr) == (1, "no zone Europe/Berln here; install tzdata, or write another zone\n")
    assert not Path(berlin.link).is_symlink()


def test_an_answer_that_cannot_be_read_is_an_error_of_the_host(berlin: TimeZone) -> None:
    with pytest.raises(HostError, match="it leads to 'nowhere', which is no zone's file"):
        berlin.actual("nowhere\n")


@pytest.mark.parametrize("zone", ["", "/etc/passwd", "../../etc/passwd", "Europe/Berlin; reboot"])
def test_what_is_no_name_of_a_zone_is_refused_before_any_host_is_asked(zone: str) -> None:
    with pytest.raises(ValidationError):
        TimeZoneSettings(zone=zone)
