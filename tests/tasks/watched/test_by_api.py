"""What the API alone shows of a Harbor that somebody else runs, by drift checks on the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.harbor import HarborSite, harbor_site
from tests.harness.sites import write_site

RUNBOOK = """
from moor.api import REGISTRY, Runbook, Stage
from moor.tasks.watched.registry import watch_registry

RUNBOOK = Runbook("watching", "What is watched of the registry.", (Stage(watch_registry, on=REGISTRY),), looks=True)
"""
GC = {"schedule": {"type": "Manual"}, "parameters": {"dry_run": True}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[HarborSite]:
    with harbor_site(tmp_path) as made:
        write_site(made.folder, {"runbooks/watching.py": RUNBOOK})
        yield made


def checked(site: HarborSite) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the findings and measurements of a drift check of the watch alone, by id."""
    report = site("drift", "--runbook", "watching", "--output", "json", code=None).report
    assert "watch_registry" in report["answered"], site.said[-1]
    found = [one for one in report["findings"] if one["stage"] == "watch_registry"]
    return {one["id"]: one for one in found}, {one["id"]: one for one in report["measured"]}


def test_a_harbor_that_is_well_has_no_finding_and_is_measured(site: HarborSite) -> None:
    daily = {"schedule": "daily", "rules": [{"keep": "latest_pushed", "count": 3}]}
    site.write(projects={"shop": {"quota": "1 GiB", "retention": daily}}, watch={"disk_percent": 100, "disk_days": 1})
    site.applied()
    findings, measured = checked(site)
    assert findings == {}
    assert measured["disk:registry"]["value"] > 0
    assert measured["read-only:registry"]["value"] == 0


def test_a_failed_job_a_paused_queue_and_read_only_mode_are_seen_and_over_when_mended(site: HarborSite) -> None:
    site.write(watch={"disk_percent": 100, "disk_days": 1})
    site.do("POST", "/system/gc/schedule", GC)  # fails, since this stand-in has no registry behind it
    site.do("PUT", "/jobservice/queues/REPLICATION", {"action": "pause"})
    site.do("PUT", "/configurations", {"read_only": True})
    findings, measured = checked(site)
    assert set(findings) == {"job:gc", "queue:REPLICATION"}  # since when it is read-only is not known yet
    assert "the last garbage collection failed" in findings["job:gc"]["what"]
    assert "Clean Up" in findings["job:gc"]["remedy"]
    assert measured["read-only:registry"]["value"] == 1
    site.do("PUT", "/configurations", {"read_only": False})
    site.do("PUT", "/jobservice/queues/REPLICATION", {"action": "resume"})
    findings, _ = checked(site)
    assert set(findings) == {"job:gc"}


def test_what_the_account_may_not_see_is_left_out(site: HarborSite) -> None:
    user = {"username": "dev1", "email": "dev1@corp.test", "realname": "Dev", "password": "Some-Passw0rd"}
    site.do("POST", "/users", user)
    site.write(harbor={"managed": False, "account": {"user": "dev1", "password": site.secret("dev", "Some-Passw0rd")}})
    site.do("PUT", "/jobservice/queues/REPLICATION", {"action": "pause"})
    findings, measured = checked(site)
    assert findings == {}
    assert set(measured) == {"read-only:registry"}


def test_a_watch_costs_few_requests(site: HarborSite) -> None:
    site.write(projects={f"p{number}": {} for number in range(20)}, watch={"disk_percent": 100})
    site.applied()
    site.asked.clear()
    checked(site)
    assert len(site.asked) <= 40  # of which one or two for each project list its robots


def test_read_only_mode_that_the_inventory_sets_is_meant(site: HarborSite) -> None:
    site.write(harbor_system={"read_only": True}, watch={"disk_percent": 100, "disk_days": 1})
    site.do("PUT", "/configurations", {"read_only": True})
    _, measured = checked(site)
    assert measured["read-only:registry"]["value"] == 0
