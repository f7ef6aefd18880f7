"""A fleet over the workers of a real Dask scheduler: what a user sees is what one machine would show."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Task

from moor.errors import MoorError
from moor.processors import QuietProcessor
from moor.secrets.masking import spellings
from moor.settings.modules import TASKS, load_module
from moor.sites.site import open_site
from tests.harness.commands import moor_here, started
from tests.harness.servers import free_port
from tests.harness.waiting import until
from tests.workers.grounds import GONE, HOSTS, PASSWORD, Grounds, certificates, told

pytestmark = pytest.mark.lab

THREADED = {"plugin": "threaded", "options": {"num_workers": 4}}
EVERY = [*HOSTS[:2], GONE, *HOSTS[2:]]


class Heard(QuietProcessor):
    """Nornir processor that counts what it is told of each host."""

    def __init__(self) -> None:
        self.began, self.ended = Counter[str](), Counter[str]()

    def task_instance_started(self, task: Task, host: Host) -> None:
        self.began[host.name] += 1

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        assert result[0].host is host
        self.ended[host.name] += 1


def told_here(grounds: Grounds, *words: str) -> dict[str, Any]:
    """Run a command in this process, which saves a busy machine the imports, and give its JSON."""
    return told(moor_here(grounds.site, *words, "--output", "json", "--quiet").report)


@pytest.fixture
def opened() -> Iterator[Any]:
    """Yield what opens the site in this process, and closes it after the test."""
    every: list[Nornir] = []

    def open_it(grounds: Grounds) -> Nornir:
        every.append(open_site(grounds.site, dry_run=True))
        return every[-1]

    yield open_it
    for nr in every:
        nr.close_connections()


def began(grounds: Grounds) -> list[str]:
    return [name for name in HOSTS if grounds.noted(name)]


def test_plan_and_apply_tell_what_they_tell_on_one_machine(grounds: Grounds) -> None:
    rounds = (("plan", "marks"), ("apply", "marks", "--yes"), ("plan", "marks"))
    grounds.fleet(EVERY, THREADED)
    alone = [told_here(grounds, *words) for words in rounds]
    grounds.forget()
    grounds.fleet(EVERY)
    together = [told_here(grounds, *words) for words in rounds]
    assert together == alone
    planned, applied, again = together
    assert "refused" in applied["hosts"][GONE]["error"]
    for name in HOSTS:
        shown = [[found["status"] for found in report["hosts"][name]["resources"]] for report in together]
        assert (name, shown) == (name, [["drift"] * 2, ["changed"] * 2, ["ok"] * 2])
        assert (grounds.on(name) / "mnt/motd").read_text() == f"this is {name}\n"
    assert sorted(planned["hosts"]) == sorted(again["hosts"]) == sorted(EVERY)


def test_a_plan_that_one_machine_saved_is_made_beyond_it(grounds: Grounds, tmp_path: Path) -> None:
    plan = str(tmp_path / "plan.json")
    grounds.fleet(EVERY, THREADED)
    assert moor_here(grounds.site, "plan", "marks", "--out", plan, "--quiet").returncode == 1
    (grounds.on(HOSTS[1]) / "mnt/motd").write_text("somebody's\n")
    grounds.fleet(EVERY)
    hosts = told_here(grounds, "apply", plan)["hosts"]
    assert {name for name, host in hosts.items() if host["error"]} == {GONE, HOSTS[1]}
    assert "was changed on the host since the plan was saved" in hosts[HOSTS[1]]["error"]
    assert (grounds.on(HOSTS[1]) / "mnt/motd").read_text() == "somebody's\n"
    assert (grounds.on(HOSTS[2]) / "mnt/motd").read_text() == f"this is {HOSTS[2]}\n"


def test_a_worker_killed_in_the_middle_loses_no_host_and_none_is_told_twice(grounds: Grounds, opened: Any) -> None:
    grounds.fleet(runner=grounds.dask(num_workers=1), slow_s=2)
    nr, heard = opened(grounds), Heard()
    take_time = load_module(grounds.site, TASKS, "marks").take_time

    def kill_one() -> None:
        until(lambda: len(began(grounds)) >= 2, "both workers are at a host")
        grounds.kill("two")

    killer = Thread(target=kill_one)
    killer.start()
    result = nr.with_processors([heard]).run(task=take_time)
    killer.join()
    once = dict.fromkeys(HOSTS, 1)
    assert (heard.began, heard.ended) == (once, once)
    assert {name: str(told[0]) for name, told in result.items()} == dict.fromkeys(HOSTS, "took its time")
    asked = [grounds.noted(name).count("begun") for name in HOSTS]
    assert sorted(asked) == [1, 1, 1, 1, 1, 2]  # the host that was lost in the middle, and no other, was done again
    assert not nr.data.failed_hosts


def test_a_host_stays_with_its_worker_and_one_session_serves_all_stages(grounds: Grounds) -> None:
    grounds.fleet()
    before = grounds.sshd_log().count("Accepted publickey")
    said = grounds.moor("apply", "marks", "--yes", "--output", "json")
    assert said.report["answered"] == ["read", "write_marks", "write_marks", "take_time"]
    assert grounds.sshd_log().count("Accepted publickey") - before == len(HOSTS)
    until(lambda: not grounds.sessions(), "the workers close what they hold")


def test_ctrl_c_ends_the_command_and_no_further_host_is_begun(grounds: Grounds) -> None:
    grounds.fleet(runner=grounds.dask(num_workers=1), slow_s=3)
    with started(grounds.site, "apply", "waiting", "--yes") as process:
        until(lambda: len(began(grounds)) >= 2, "both workers are at a host")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False)
    said = {words: names.split() for names, _, words in (line.partition(": ") for line in out.splitlines())}
    until(lambda: not grounds.sessions(), "the workers close what they hold")
    assert [grounds.noted(name) for name in began(grounds)] == [["begun", "ended"]] * 2
    assert said["under way: take_time"] == began(grounds)
    assert said["not begun: take_time"] == [name for name in HOSTS if name not in began(grounds)]


def test_no_secret_is_in_what_is_told_nor_in_any_log(grounds: Grounds) -> None:
    grounds.fleet()
    said = grounds.moor("apply", "telling", "--yes", "-v")
    logs = "".join(grounds.log(name) for name in grounds.processes)
    failed = [line for line in said.stdout.splitlines() if line.endswith(("no login with ***", "(-v shows where)"))]
    assert {name for line in failed for name in line.partition(":")[0].split()[1:]} == set(HOSTS)
    assert ("no login with ***" in logs, "Compute Failed" in logs) == (True, False)
    assert "internal error: ValueError: no login with ***" in said.stdout
    everything = said.stdout + said.stderr + logs
    assert [form for form in spellings(PASSWORD) if form in everything] == []


def test_a_worker_with_other_code_takes_no_host(grounds: Grounds, opened: Any) -> None:
    grounds.fleet()
    nr, source = opened(grounds), grounds.site / "tasks/marks.py"
    former = source.read_text()
    nr.run(task=load_module(grounds.site, TASKS, "marks").take_time)  # from here on the workers have their code
    nr.close_connections()
    grounds.forget()
    source.write_text(former + "\n# newer\n")
    try:
        with pytest.raises(MoorError, match="it runs other code than the controller") as error:
            nr.run(task=load_module(grounds.site, TASKS, "marks").take_time)
    finally:
        source.write_text(former)
    assert str(error.value).count("worker tls://") == 2
    assert began(grounds) == []


@pytest.mark.parametrize("case", ["nobody", "stranger"])
def test_a_scheduler_that_cannot_be_used_is_one_clear_error(grounds: Grounds, case: str) -> None:
    """Nobody listens there; or the controller's certificate is of another CA."""
    own = {"scheduler": f"tls://127.0.0.1:{free_port()}"}
    if case == "stranger":
        own = certificates(grounds.folder / "strangers", "another")
    grounds.fleet(runner=grounds.dask(**own))
    said = grounds.moor("plan", "marks", "--quiet")
    assert (said.returncode, said.stdout) == (1, "")
    (line,) = said.stderr.splitlines()
    assert line.startswith("moor: scheduler tls://127.0.0.1:")
    assert "does `dask scheduler` run there" in line
    assert not (grounds.site / ".moor/proofs").exists()


def test_a_renewal_plans_beyond_one_machine_what_it_plans_on_one(grounds: Grounds) -> None:
    grounds.fleet(runner=THREADED)
    told_here(grounds, "apply", "pki", "--yes")
    alone = told_here(grounds, "cert", "renew", "--ca", "--plan")
    grounds.fleet()
    together = told_here(grounds, "cert", "renew", "--ca", "--plan")
    assert {name: host["resources"] for name, host in together["hosts"].items()} == {
        name: host["resources"] for name, host in alone["hosts"].items()
    }
    drifted = [one["id"] for one in together["hosts"][HOSTS[0]]["resources"] if one["status"] == "drift"]
    assert "next-authority:registry.moor.test" in drifted
    again = told_here(grounds, "plan", "pki")  # what that run wanted does not count for the next
    assert [one["status"] for one in again["hosts"][HOSTS[0]]["resources"]] == ["ok", "ok"]


def test_whom_a_new_ca_waits_for_is_seen_beyond_one_worker(grounds: Grounds) -> None:
    grounds.fleet()
    doubts = grounds.on(HOSTS[0]) / "mnt/doubts"
    told_here(grounds, "apply", "doubting", "--yes")
    assert doubts.read_text().split() == [HOSTS[1]]
    told_here(grounds, "apply", "doubting", "--yes", "--limit", ",".join(HOSTS[:4]))
    assert doubts.read_text().split() == [HOSTS[1], *HOSTS[4:]]


@pytest.mark.usefixtures("opened")
def test_every_command_tells_beyond_one_machine_what_it_tells_on_one(grounds: Grounds) -> None:
    roles = {HOSTS[0]: ["harbor"], HOSTS[1]: ["nodes"], HOSTS[2]: ["nodes"]}
    grounds.fleet(EVERY, THREADED, roles=roles)
    moor_here(grounds.site, "apply", "pki", "--yes", "--quiet")
    run = moor_here(grounds.site, "apply", "marks", "--yes", "--output", "json", "--quiet").report["run"]
    (grounds.on(HOSTS[0]) / "mnt/motd").write_text("somebody's\n")
    commands = (
        ("check",),
        ("plan", "marks"),
        ("plan", "trust"),
        ("drift", "--runbook", "marks"),
        ("verify",),
        ("diagnose",),
        ("cert", "renew", "--plan"),
        ("rollback", run, "--plan"),
        ("run", "cat /mnt/motd || exit 3"),
    )
    alone = [told_here(grounds, *words) for words in commands]
    grounds.fleet(EVERY, grounds.dask(), roles=roles)
    for words, before in zip(commands, alone, strict=True):
        assert (words, told_here(grounds, *words)) == (words, before)
        assert before["hosts"], words
    assert alone[-1]["hosts"][HOSTS[0]]["answer"]["stdout"] == "somebody's"
