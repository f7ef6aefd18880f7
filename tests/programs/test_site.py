"""A program over sites: typed results, nothing printed, several sites at once, errors as MoorError."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from moor import Batches, HostError, InputError, PlanResult, ProofResult, open_site
from moor.programs.results import result_of
from moor.run.report import HostReport, RunReport
from tests.plans.conftest import SECRET, Site, site  # noqa: F401  # a fixture


def test_plan_apply_and_drift_return_what_the_commands_tell_and_print_nothing(
    site: Site,  # noqa: F811
    capfd: pytest.CaptureFixture[str],
) -> None:
    handlers = signal.getsignal(signal.SIGINT)
    with open_site(site.folder) as fleet:
        assert fleet.hosts == ("alpha", "beta", "gamma")
        planned = fleet.plan("both", limit="alpha,beta", skip=["file:*/copy"])
        assert (planned.differs, planned.failed, set(planned.hosts)) == (True, False, {"alpha", "beta"})
        assert [(c.host, c.kind, c.status) for c in planned.changes][:2] == [
            ("alpha", "directory", "drift"),
            ("alpha", "file", "drift"),
        ]
        assert "content: (none) -> ***" in planned.changes[2].diff
        assert SECRET not in repr(planned)
        done = fleet.apply("both", ticket="CHG-7")
        assert (done.changed, done.failed, len(done.changes)) == (True, False, 15)
        assert not fleet.plan("both").differs
        assert fleet.drift("both").clean
        site.file("beta", "motd").write_text("by hand\n")
        drifted = fleet.drift("both")
        assert not drifted.clean
        (change,) = drifted.changes
        assert (change.host, change.id.endswith("motd"), bool(change.first_seen)) == ("beta", True, True)
        assert drifted.hosts["alpha"].ok == 5
    assert capfd.readouterr() == ("", "")
    assert signal.getsignal(signal.SIGINT) is handlers
    told = site("history", "--output", "json").report
    assert [run["command"] for run in told["runs"]] == ["drift", "drift", "apply"]


def test_a_host_that_fails_is_in_the_result_and_is_raised_only_if_that_is_wanted(site: Site) -> None:  # noqa: F811
    (site.hosts / "beta/broken").touch()
    done = open_site(site.folder).apply("both")
    assert done.failed
    assert (done.hosts["beta"].error, done.hosts["alpha"].error) == ("its disk is gone", "")
    assert site.file("alpha", "copy").exists()
    with pytest.raises(HostError, match="beta: its disk is gone"):
        done.raise_for_failures()


def test_a_plan_is_saved_and_made_by_a_program_and_by_the_commands_alike(site: Site) -> None:  # noqa: F811
    fleet = open_site(site.folder)
    assert fleet.plan("both", save_to=site.plan).differs
    assert site("show", site.plan).stdout.startswith("plan ")
    site.file("alpha", "motd").parent.mkdir()
    site.file("alpha", "motd").write_text("by hand\n")
    done = fleet.apply_plan(site.plan, ticket="CHG-8")
    assert [name for name, host in done.hosts.items() if host.error] == ["alpha"]
    assert "it differs from the saved plan" in done.hosts["alpha"].error
    assert (done.changed, site.file("beta", "copy").exists()) == (True, True)
    assert not fleet.apply_plan(site.plan, limit="beta,gamma").changed
    Path(site.plan).write_text("{}")
    with pytest.raises(InputError, match="no saved plan"):
        fleet.apply_plan(site.plan)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"limit": ""}, "--limit: it names nobody"),
        ({"limit": "nobody"}, "no host or group is called nobody"),
        ({"only": ["fiel"]}, "did you mean file"),
        ({"start_at": "nowhere"}, "no such stage"),
    ],
)
def test_wrong_arguments_are_errors_before_a_host_is_asked(
    site: Site,  # noqa: F811
    words: dict[str, object],
    said: str,
) -> None:
    with pytest.raises(InputError, match=said):
        open_site(site.folder).apply("both", **words)  # type: ignore[arg-type]
    assert not any((site.hosts / "alpha").iterdir())


def test_a_wrong_site_is_one_error_with_every_fault(site: Site, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(InputError, match=r"config\.yaml: not there"):
        open_site(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no runbook is called bth; did you mean both"):
        open_site(site.folder).plan("bth")


def test_several_sites_are_open_at_once_each_with_its_own_modules(site: Site, tmp_path: Path) -> None:  # noqa: F811
    other = tmp_path / "other"
    shutil.copytree(site.folder, other)
    task = other / "tasks/first.py"
    task.write_text(task.read_text().replace('"motd"', '"issue"'))

    def plan(folder: Path) -> PlanResult:
        return open_site(folder).plan("both", limit="alpha")

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(plan, (site.folder, other))
    names = [{change.id.rpartition("/")[2] for change in found.changes} for found in (one, two)]
    assert names == [{"etc", "motd", "password", "made", "copy"}, {"etc", "issue", "password", "made", "copy"}]


def test_a_result_does_not_change(site: Site) -> None:  # noqa: F811
    planned = open_site(site.folder).plan("both")
    with pytest.raises(FrozenInstanceError):
        planned.runbook = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        planned.hosts["x"] = planned.hosts["alpha"]  # type: ignore[index]


def test_moor_itself_is_imported_without_what_a_program_imports_of_it() -> None:
    import moor

    assert {name for name in moor.__all__ if not hasattr(moor, name)} == set()
    assert set(moor.__all__) == {name for names in moor._PLACES.values() for name in names}
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(moor, "nothing")  # noqa: B009
    assert sys.modules["moor"].open_site is open_site


def test_a_program_rolls_out_in_batches_and_is_told_how_far_it_is(site: Site) -> None:  # noqa: F811
    lines: list[str] = []
    (site.hosts / "alpha/broken").touch()
    with open_site(site.folder, progress=lines.append) as fleet:
        done = fleet.apply("both", batches=Batches(canary="gamma", batch=1))
        assert done.stopped == "stopped: alpha failed"
        assert (done.hosts["gamma"].changes != (), done.hosts["alpha"].error) == (True, "its disk is gone")
        assert (done.hosts["beta"].skipped, site.file("beta", "motd").exists()) == (True, False)
        assert [line for line in lines if line.startswith("write_first")] == [
            f"write_first: {name}" for name in ("gamma", "alpha")
        ]
        assert "alpha: failed: its disk is gone" in lines
        assert any(line.startswith("gamma: changed file:") for line in lines)
        assert SECRET not in "".join(lines)
        (site.hosts / "alpha/broken").unlink()
        assert not fleet.apply("both", batches=Batches(batch="50%", max_failures=1)).stopped


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        (Batches(batch=0), "batch 0: it is 1 or more"),
        (Batches(batch="half", pause_s=-1), "batch half: write a number of hosts.*\npause_s -1: write seconds"),
        (Batches(canary="alfa"), "canary: no host or group is called alfa; did you mean alpha"),
        (Batches(pause_s=5), "pause_s, go_on: all hosts take their turn together; write batch or canary too"),
    ],
)
def test_wrong_batches_are_errors_before_a_host_is_asked(site: Site, batches: Batches, said: str) -> None:  # noqa: F811
    with pytest.raises(InputError, match=said):
        open_site(site.folder).apply("both", batches=batches)
    assert not site.file("alpha", "motd").exists()


def test_a_run_without_a_proof_holds_nothing() -> None:
    assert not result_of(RunReport("verify", "verify", {"ws1": HostReport()}), ProofResult).holds


def test_a_plan_with_which_nobody_went_on_is_forgotten(site: Site) -> None:  # noqa: F811
    old, recent = (site.folder / f".moor/plans/{name}.begun" for name in ("old", "recent"))
    old.parent.mkdir(parents=True)
    for path in (old, recent):
        path.write_text('["alpha"]')
    os.utime(old, (0, 0))
    site.saved()
    assert site("apply", site.plan, "--yes").returncode == 0
    assert list(old.parent.iterdir()) == [recent]
