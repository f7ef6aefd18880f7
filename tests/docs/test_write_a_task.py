"""The example of a new task is a whole one: its files in a site of their own are planned as the page says."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest
from nornir.core.plugins.connections import ConnectionPluginRegister

from moor.errors import InputError
from moor.output import text
from moor.run.execution import run_runbook
from moor.run.report import Collector, HostReport, RunReport
from moor.run.selection import find_runbook
from moor.sites.site import open_site
from tests.docs.pages import ROOT, blocks
from tests.harness.hosts import local_shells
from tests.harness.sites import write_site

FILES = dict(
    zip(
        ("tasks/ntp.py", "runbooks/ntp.py", "inventory/defaults.yaml"),
        blocks(ROOT / "docs/write-a-task.md"),
        strict=False,
    )
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write a site with the page's three files and one host, which is this machine."""
    contents = {name: block.content for name, block in FILES.items()}
    return write_site(tmp_path, {**contents, "inventory/hosts.yaml": "here: {}\n"})


def test_the_examples_task_is_planned(site: Path) -> None:
    nr = open_site(site, dry_run=True)
    report = RunReport("run", "ntp", {"here": HostReport()})
    with local_shells():
        run_runbook(nr.with_processors([Collector(report)]), find_runbook(site, "ntp"))
    shown = text.plan(report)
    assert "~ file:/etc/systemd/timesyncd.conf.d/moor.conf  [here]" in shown
    assert "+NTP=ntp.moor.test" in shown
    assert not report.failed


def test_the_examples_settings_are_validated(site: Path) -> None:
    defaults = site / "inventory/defaults.yaml"
    defaults.write_text(defaults.read_text().replace("servers", "server"))
    with pytest.raises(InputError, match=r"data\.ntp\.server: no such key; did you mean servers\?"):
        open_site(site)


def test_the_examples_script_prints_what_the_page_shows(
    site: Path, host_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script, shown = (
        next(block.content for block in blocks(ROOT / "docs/write-a-task.md") if word in block.content)
        for word in ("print_result", "$ python check_time.py")
    )
    config = "inventory: {plugin: FleetInventory}\nlogging: {enabled: false}\n"
    # Tests have the checkout on their path too, whose tasks/ is a package and would be found before a mere folder.
    write_site(site, {"config.yaml": config, "check_time.py": script, "tasks/__init__.py": ""})
    monkeypatch.chdir(site)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(ConnectionPluginRegister, "auto_register", lambda: None)  # which would want moor's own shell
    try:
        with local_shells():
            runpy.run_path("check_time.py")
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "tasks"]:
            del sys.modules[name]
    printed = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    change = shown[shown.index("---- file:") : shown.index("---- service:")]
    assert change in printed
    headings = [line.replace("node1", "here").rstrip("*") for line in shown.splitlines()[1:3]]
    assert [line.rstrip("*") for line in printed.splitlines()[:2]] == headings
