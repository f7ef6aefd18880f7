"""Commands and notices before and after hosts are changed, and the ticket of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moor.run.rolling.hooks import HookRunner
from moor.settings.access import SiteSettings
from moor.settings.hooks import Hook, Hooks
from tests.harness.commands import moor_here
from tests.output.receiver import receiver
from tests.run.rolling.rolled import NAMES, Rolled

TELL = """\
#!/bin/sh
echo "$MOOR_HOOK $MOOR_HOST $MOOR_COMMAND $MOOR_RUNBOOK $MOOR_TICKET $MOOR_RESULT" >>told
[ -n "$MOOR_RUN" ] || exit 9
echo "the password is $HOOK_PASSWORD"
[ ! -e "no-$MOOR_HOOK-$MOOR_HOST" ] || { echo "not now" >&2; exit 3; }
"""
APPLY = ("apply", "one", "--yes", "--workers", "1")


class Hooked:
    """A site whose hooks tell what they were given."""

    def __init__(self, rolled: Rolled) -> None:
        self.rolled, self.site = rolled, rolled.site
        tell = self.site / "tell"
        tell.write_text(TELL)
        tell.chmod(0o755)
        hook = [{"command": ["./tell"], "timeout_s": 20}]
        self.configure({name: hook for name in ("before_run", "before_host", "after_host", "after_run")})

    def configure(self, hooks: object, **more: object) -> None:
        """Write config.yaml."""
        (self.site / "config.yaml").write_text(json.dumps({"user_defined": {"moor": {"hooks": hooks, **more}}}))

    def told(self) -> list[str]:
        """Return what hooks were given since the last call."""
        path = self.site / "told"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [" ".join(line.split()) for line in lines]


@pytest.fixture
def hooked(rolled: Rolled) -> Hooked:
    return Hooked(rolled)


def test_hooks_run_around_each_host_that_changes_and_know_the_ticket(hooked: Hooked) -> None:
    for name in NAMES[2:]:
        (hooked.rolled.folder / name / "one").write_text("1\n")
    done = moor_here(hooked.site, *APPLY, "--ticket", "CHG-7", "--batch", "1")
    assert done.returncode == 0, done.said
    assert hooked.told() == [
        "before_run apply one CHG-7",
        *("before_host base apply one CHG-7", "after_host base apply one CHG-7 ok"),
        *("before_host node1 apply one CHG-7", "after_host node1 apply one CHG-7 ok"),
        "after_run apply one CHG-7 ok",
    ]
    assert "hook before_host node1: ./tell: the password is" in done.stderr
    again = moor_here(hooked.site, *APPLY)
    assert (again.returncode, hooked.told()) == (0, [])  # nothing is changed, so nobody hears of it
    history = moor_here(hooked.site, "history").stdout.splitlines()
    assert [line.split()[-1] for line in history[:3]] == ["ticket", "0", "CHG-7"]


def test_a_hook_that_fails_before_a_host_keeps_it_out(hooked: Hooked) -> None:
    (hooked.site / "no-before_host-node1").touch()
    done = moor_here(hooked.site, *APPLY, "--batch", "2")
    assert done.returncode == 1
    assert "hook before_host node1: ./tell: ended with exit code 3: the password is  / not now" in done.said
    assert not (hooked.rolled.folder / "node1/one").exists()
    told = hooked.told()
    assert "after_host node1 apply one failed" in told  # what an earlier hook did can be taken back
    assert "after_run apply one failed" in told
    assert not any("node3" in line for line in told)  # the roll-out stopped
    assert "stopped: node1 failed" in done.stdout


def test_a_hook_that_fails_before_the_run_keeps_all_hosts_as_they_are(hooked: Hooked) -> None:
    (hooked.site / "no-before_run-").touch()
    done = moor_here(hooked.site, *APPLY)
    assert done.returncode == 1
    assert "hook before_run: ./tell: ended with exit code 3" in done.stdout
    assert not (hooked.rolled.folder / "turns").exists()
    assert hooked.told() == ["before_run apply one", "after_run apply one failed"]


def test_hooks_that_fail_afterwards_are_told(hooked: Hooked) -> None:
    (hooked.site / "no-after_host-node1").touch()
    (hooked.site / "no-after_run-").touch()
    done = moor_here(hooked.site, *APPLY, "--output", "json")
    assert done.returncode == 1
    assert "hook after_host node1: ./tell: ended with exit code 3" in done.report["hosts"]["node1"]["error"]
    assert "hook after_run: ./tell: ended with exit code 3" in done.report["warnings"][0]
    assert (hooked.rolled.folder / "node1/one").exists()


def test_unattended_mending_runs_hooks_too(hooked: Hooked) -> None:
    for name in NAMES[2:]:
        (hooked.rolled.folder / name / "one").write_text("1\n")
    moor_here(hooked.site, "drift", "--runbook", "one", "--apply", "file")
    assert hooked.told()[0] == "before_run mend drift --apply"


def test_a_secret_that_a_hook_prints_is_masked_and_a_notice_is_sent(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as received:
        url = hooked.site / "url"
        url.write_text(received.url)
        url.chmod(0o600)
        notice = {"notice": "{host} is {result}, see {ticket}"}
        hooked.configure({"after_host": [notice, {"command": ["./tell"]}]}, notify=["file:url"], state=".moor")
        monkeypatch.setenv("HOOK_PASSWORD", received.url)
        done = moor_here(hooked.site, *APPLY, "--limit", "node1", "--ticket", "CHG-7")
        assert done.returncode == 0, done.said
        assert "node1 is ok, see CHG-7" in str(received.bodies)
        assert "hook after_host node1: ./tell: the password is ***" in done.stderr
        assert received.url not in done.said


@pytest.mark.parametrize(
    ("hooks", "words"),
    [
        ({"before_run": [{"command": ["nowhere-to-be-found"]}]}, "before_run.0.command: no such program here: nowhere"),
        ({"after_host": [{}]}, "after_host.0: needs exactly one of command and notice"),
        ({"after_host": [{"notice": "{name}"}]}, "nothing is called {name} here"),
        ({"after_host": [{"notice": "done"}]}, "after_host.0: a notice is sent by notify, which names nobody"),
        ({"after_host": [{"command": "tell node1"}]}, "after_host.0.command: must be a list"),
        ({"before_host": [{"command": ["./tell"], "timeout_s": 0}]}, "before_host.0.timeout_s"),
    ],
)
def test_hooks_that_cannot_work_are_refused_before_anything_is_changed(
    hooked: Hooked, hooks: object, words: str
) -> None:
    hooked.configure(hooks)
    done = moor_here(hooked.site, *APPLY)
    assert done.returncode == 1
    assert words in done.stderr
    assert not (hooked.rolled.folder / "turns").exists()


def test_a_hook_is_ended_with_its_children_when_its_time_is_over(tmp_path: Path) -> None:
    told: list[str] = []
    hook = Hook(command=("sh", "-c", "echo begun; sleep 300 & wait"), timeout_s=1)
    runner = HookRunner(Hooks(before_run=(hook,)), tmp_path, "", lambda *_: None, told.append)
    assert runner.run("before_run", {}) == "hook before_run: sh: no end within 1 s: begun"
    fine = Hook(command=("sh", "-c", "sleep 300 & echo left behind"))
    runner = HookRunner(Hooks(before_run=(fine,)), tmp_path, "", lambda *_: None, told.append)
    assert runner.run("before_run", {}) == ""
    assert told == ["hook before_run: sh: left behind"]


@pytest.mark.parametrize("word", ["two words", "", "x" * 65, "$(id)", "a\nb"])
def test_a_ticket_is_one_word(hooked: Hooked, word: str) -> None:
    done = moor_here(hooked.site, *APPLY, "--limit", "node1", "--ticket", word)
    assert (done.returncode, "--ticket" in done.stderr) == ((1, True) if word else (0, False))


def test_a_site_without_hooks_has_none() -> None:
    assert not any(SiteSettings.at(Path("/nowhere")).hooks.placed())
