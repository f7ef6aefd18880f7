"""Whole outputs of moor in a dozen situations, compared with reviewed files."""

from __future__ import annotations

import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from moor.cli import main
from moor.output import paint
from moor.output.pages.render import page
from moor.settings import SiteSettings
from tests.harness.commands import started
from tests.harness.sites import write_site
from tests.harness.terminal import terminal
from tests.harness.waiting import until
from tests.output.pages.conftest import view_of
from tests.output.pages.filled import fill
from tests.snapshots.conftest import GONE, WAIVERS, Berth, Same

LOCAL = ("--limit", f"!{GONE}", "--quiet")


@pytest.fixture
def applied(berth: Berth) -> Berth:
    """Apply the runbook to the three local hosts."""
    done = berth("apply", "berth", "--yes", *LOCAL)
    assert (done.returncode, done.stderr) == (0, "")
    return berth


@pytest.fixture
def drifted(applied: Berth) -> Berth:
    """Change files behind moor's back, with a waiver for one of them."""
    for name in ("alpha", "beta"):
        (applied.hosts / name / "etc/app.conf").write_text("port = 9090\nhosts = all\n")
    (applied.hosts / "alpha/etc/motd").unlink()
    (applied.hosts / "gamma/full").touch()
    write_site(applied.folder, {"inventory/waivers.yaml": WAIVERS})
    return applied


def test_plan_of_a_bare_fleet(berth: Berth, same: Same) -> None:
    done = berth("plan", "berth", "--limit", f"!{GONE}")
    assert done.returncode == 2
    same(f"{done.stdout}--- standard error:\n{done.stderr}")
    same(berth("plan", "berth", "--output", "json", *LOCAL).stdout, "json")


def test_a_terminal_of_60_columns(berth: Berth, same: Same, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the terminal is sent; ``cat`` the file in one to look at it."""
    (berth.hosts / "gamma/strict").touch()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = {}
    with terminal(60) as stream:
        for words in ("plan berth", "apply berth --yes"):  # painted here, since lines break by the length of paths
            shown[words] = paint.painted(berth(*words.split(), "--quiet").stdout, stream)
    for words in ("verify", "check"):
        with terminal(60) as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            with suppress(SystemExit):
                main([words, "--quiet", "--site", str(berth.folder)])
            shown[words] = berth.told(stream.getvalue())
    same("\n".join(f"$ moor {words}\n{output}" for words, output in shown.items()))


def test_plan_of_a_fleet_that_is_as_it_should_be(applied: Berth, same: Same) -> None:
    done = applied("plan", "berth", *LOCAL)
    assert (done.returncode, done.stderr) == (0, "")
    same(done.stdout)


def test_a_saved_plan_shown_and_applied_where_one_host_was_changed_since(berth: Berth, same: Same) -> None:
    plan = str(berth.folder / "plan.json")
    saved = berth("plan", "berth", "--out", plan, *LOCAL)
    shown, markdown = berth("show", plan), berth("show", plan, "--output", "markdown")
    (berth.hosts / "beta/etc").mkdir()
    (berth.hosts / "beta/etc/motd").write_text("by hand\n")
    applied = berth("apply", plan, "--quiet")
    assert (saved.returncode, shown.returncode, applied.returncode) == (2, 0, 1)
    same(f"{shown.stdout}--- as markdown:\n{markdown.stdout}--- applied:\n{applied.stdout}{applied.stderr}")


def test_apply_where_one_host_refuses_and_another_is_not_reached(berth: Berth, same: Same) -> None:
    (berth.hosts / "gamma/strict").touch()
    done = berth("apply", "berth", "--yes", "--quiet")
    assert (done.returncode, done.stderr) == (1, "")
    same(done.stdout)
    same(berth("apply", "berth", "--yes", "--quiet", "--output", "json").stdout, "json")


def test_drift_with_findings_one_of_them_waived_and_a_host_not_examined(drifted: Berth, same: Same) -> None:
    done = drifted("drift", "--runbook", "berth", "--quiet")
    assert (done.returncode, done.stderr) == (1, "")
    same(done.stdout)
    same(drifted("drift", "--runbook", "berth", "--quiet", "--output", "json").stdout, "json")


def test_drift_that_mends(drifted: Berth, same: Same) -> None:
    done = drifted("drift", "--runbook", "berth", "--apply", "file", *LOCAL)
    assert done.returncode == 2
    same(done.stdout)


def test_drift_as_metrics(drifted: Berth, same: Same) -> None:
    done = drifted("drift", "--runbook", "berth", "--output", "metrics", "--quiet")
    same(re.sub(r"(_seconds(\{[^}]*\})?) [\d.e+-]+", r"\1 1.5", done.stdout))


def test_drift_as_junit(drifted: Berth, same: Same) -> None:
    done = drifted("drift", "--runbook", "berth", "--output", "junit", "--quiet")
    same(re.sub(r'time="[\d.]+"', 'time="1.5"', done.stdout))


def test_verify_where_two_nodes_lack_the_name(berth: Berth, same: Same) -> None:
    done = berth("verify", *LOCAL)
    assert (done.returncode, done.stderr) == (2, "")
    same(done.stdout)


def test_diagnose_of_a_message(berth: Berth, same: Same) -> None:
    message = 'Failed to pull image "registry.moor.test/demo/sqrt:1.0": x509: certificate signed by unknown authority'
    done = berth("diagnose", "--event", message)
    assert (done.returncode, done.stderr) == (0, "")
    same(done.stdout)


def test_check_of_hosts_one_of_which_is_not_reached(berth: Berth, same: Same) -> None:
    done = berth("check", "--quiet")
    assert done.returncode == 1
    same(done.stdout + done.stderr)


def test_history_of_an_apply_and_a_drift_check(drifted: Berth, same: Same) -> None:
    drifted("drift", "--runbook", "berth", "--quiet")
    same(drifted("history").stdout)
    same(drifted("history", "--output", "json").stdout, "json")


def test_hosts(berth: Berth, same: Same) -> None:
    done = berth("hosts")
    same(done.stdout + done.stderr)


def test_input_that_is_wrong_in_several_places(berth: Berth, same: Same) -> None:
    write_site(
        berth.folder,
        {
            "inventory/hosts.yaml": "alpha: {hostnam: 10.0.0.1, groups: [outsider]}\n",
            "inventory/defaults.yaml": "data:\n  registri: {name: a.b}\n  registry: {name: reg, address: x}\n",
        },
    )
    done = berth("plan")
    assert (done.returncode, done.stdout) == (1, "")
    same(done.stderr)


def test_a_run_that_ctrl_c_ends(berth: Berth, same: Same) -> None:
    waiting = "one: {groups: [outsiders]}\ntwo: {groups: [outsiders]}\n"
    write_site(berth.folder, {"inventory/hosts.yaml": waiting})
    with started(berth.folder, "apply", "waiting", "--yes", "--quiet") as process:
        until((berth.folder / "begun").exists, "the first host is begun")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    same(berth.told(out))


def test_page_of_a_history(tmp_path: Path, same: Same) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    fill(settings, 8, 20)
    shown = page(view_of(settings), "registry-fleet")
    same(re.sub(r"<(style|script)>.*?</\1>|sha256-[\w+/=]+", r"", shown, flags=re.DOTALL), "html")
