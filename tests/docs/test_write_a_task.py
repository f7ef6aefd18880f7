"""The example of a new task is a whole one: its files in a site of their own are planned as the page says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nornir.core.plugins.connections import ConnectionPluginRegister

from moor import text
from moor.connections.local import LocalPlugin
from moor.errors import InputError
from moor.modules import SHIPPED, load_runbooks, load_tasks
from moor.report import Collector, HostReport, RunReport
from moor.runbook import run
from moor.selection import runbook_called
from moor.sites import open_site
from tests.docs.pages import ROOT, blocks

FILES = dict(
    zip(
        ("tasks/ntp.py", "runbooks/ntp.py", "inventory/defaults.yaml"),
        blocks(ROOT / "docs/write-a-task.md"),
        strict=False,
    )
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """Give a site with the page's three files and one host, which is this machine."""
    contents = {name: block.content for name, block in FILES.items()}
    for name, content in {**contents, "inventory/hosts.yaml": "here: {}\n", "config.yaml": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    yield tmp_path
    load_tasks(SHIPPED)  # the next test finds no task of this site
    load_runbooks(SHIPPED)


@pytest.fixture
def _local() -> Iterator[None]:
    ConnectionPluginRegister.auto_register()
    former = ConnectionPluginRegister.available["shell"]
    yield
    ConnectionPluginRegister.available["shell"] = former


@pytest.mark.usefixtures("_local")
def test_the_examples_task_is_planned(site: Path) -> None:
    nr = open_site(site, dry_run=True)
    ConnectionPluginRegister.available["shell"] = LocalPlugin
    report = RunReport("run", "ntp", {"here": HostReport()})
    run(nr.with_processors([Collector(report)]), runbook_called("ntp"))
    shown = text.plan(report)
    assert "~ file:/etc/systemd/timesyncd.conf.d/moor.conf  [here]" in shown
    assert "+NTP=ntp.moor.test" in shown
    assert not report.failed


def test_the_examples_settings_are_validated(site: Path) -> None:
    defaults = site / "inventory/defaults.yaml"
    defaults.write_text(defaults.read_text().replace("servers", "server"))
    with pytest.raises(InputError, match=r"data\.ntp\.server: no such key; did you mean servers\?"):
        open_site(site)
