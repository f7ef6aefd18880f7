"""The runner ``loop`` does what Nornir's own runners do, whatever way a host is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from nornir.core.inventory import Host
from nornir.core.plugins.runners import RunnerPlugin
from nornir.core.task import MultiResult, Result, Task
from nornir.plugins.runners import SerialRunner, ThreadedRunner

from moor.connections.ssh.backends import BACKENDS
from moor.engine.asking import Asking, Question, asks
from moor.engine.plain_errors import show_errors_plainly
from moor.errors import HostError
from moor.processors import QuietProcessor
from moor.runner.loop_runner import LoopRunner
from tests.harness.sshd import Sshd
from tests.runner.fleets import Noted, names, nornir_over, say, say_twice

RUNNERS: list[Callable[[], RunnerPlugin]] = [
    LoopRunner, lambda: LoopRunner(1), lambda: LoopRunner(3), ThreadedRunner, SerialRunner
]  # fmt: skip
every_runner = pytest.mark.parametrize("runner", RUNNERS, ids=["loop", "loop 1", "loop 3", "threaded", "serial"])
every_backend = pytest.mark.parametrize("backend", BACKENDS)


@asks
def fail_on_second(task: Task) -> Asking[Result]:
    """Fail on one host, after its answer."""
    show_errors_plainly(task)
    answer = yield Question("echo fine", 60)
    if task.host.name == "host001":
        raise HostError("it is sick")
    return Result(host=task.host, result=answer.stdout)


@asks
def ask_nothing(task: Task) -> Asking[Result]:
    """Return without a question."""
    yield from ()
    return Result(host=task.host, result="known")


def run_parts(task: Task) -> Result:
    """Run a task that announces what it asks inside another that does not."""
    parts = task.run(task=say, script="echo part")
    return Result(host=task.host, result=parts[0].result)


def seen(results: MultiResult) -> tuple[str, bool, str]:
    return (results.name, results.failed, str(results[0].result))


@every_runner
@every_backend
def test_results_events_and_connections_are_the_same_with_every_runner(
    sshd: Sshd, backend: str, runner: Callable[[], RunnerPlugin]
) -> None:
    noted, hosts = Noted(), names(4)
    with nornir_over(sshd, hosts, runner(), backend=backend) as opened:
        nr = opened.with_processors([noted])
        found = nr.run(task=say_twice, name="talk")
        assert list(found) == hosts
        assert {seen(one) for one in found.values()} == {("talk", False, "one and two\n")}
        assert all("shell" in host.connections for host in nr.inventory.hosts.values())
        again = nr.run(task=say, script="echo $SSH_CONNECTION")
        ports = {str(one[0].result).split()[1] for one in again.values()}
        assert len(ports) == 4
        assert {str(one[0].result).split()[1] for one in nr.run(task=say, script="echo $SSH_CONNECTION").values()} == (
            ports  # nobody logged in anew
        )
    assert noted.events[0] == ("task", "started")
    assert noted.events.count(("completed", "host002")) == 3
    for name in hosts:
        assert noted.events.index(("started", name)) < noted.events.index(("completed", name))


@every_runner
def test_a_task_that_raises_fails_on_its_host_alone(sshd: Sshd, runner: Callable[[], RunnerPlugin]) -> None:
    noted, hosts = Noted(), names(4)
    with nornir_over(sshd, hosts, runner()) as opened:
        nr = opened.with_processors([noted])
        found = nr.run(task=fail_on_second, name="sick")
        assert {name: one.failed for name, one in found.items()} == {name: name == "host001" for name in hosts}
        assert (str(found["host001"].exception), found["host001"][0].result) == ("it is sick", "it is sick")
        assert nr.data.failed_hosts == {"host001"}
        later = nr.run(task=say, script="echo later")
        assert list(later) == ["host000", "host002", "host003"]
    assert ("failed", "host001") in noted.events


@every_runner
@pytest.mark.parametrize("event", ["started", "completed"])
def test_a_processor_that_raises_ends_the_task_once_the_other_hosts_have_ended(
    sshd: Sshd, runner: Callable[[], RunnerPlugin], event: str
) -> None:
    if runner is SerialRunner:
        pytest.skip("Nornir's own leaves out the hosts that would follow")
    noted = Noted(fails_at=(event, "host001"))
    with nornir_over(sshd, names(4), runner()) as opened:
        nr = opened.with_processors([noted])
        with pytest.raises(RuntimeError, match=f"the processor fails at {event} host001"):
            nr.run(task=say)
        assert {"host000", "host002", "host003"} <= set(noted.ended())


@every_runner
def test_a_task_without_questions_opens_no_connection(sshd: Sshd, runner: Callable[[], RunnerPlugin]) -> None:
    with nornir_over(sshd, names(3), runner()) as nr:
        assert {seen(one) for one in nr.run(task=ask_nothing).values()} == {("ask_nothing", False, "known")}
        assert not any(host.connections for host in nr.inventory.hosts.values())


def test_a_task_that_announces_what_it_asks_may_be_a_part_of_another(sshd: Sshd) -> None:
    with nornir_over(sshd, names(3)) as nr:
        found = nr.run(task=run_parts)
        assert [[one.name for one in results] for results in found.values()] == [["run_parts", "say"]] * 3
        assert {str(results[0].result) for results in found.values()} == {"part\n"}


def test_hosts_of_a_library_that_blocks_are_asked_at_the_same_time_as_those_of_the_loop(sshd: Sshd) -> None:
    hosts = names(6)
    nr = nornir_over(sshd, hosts)
    for name in hosts[::2]:
        nr.inventory.hosts[name].connection_options["shell"].extras["backend"] = "netmiko"  # type: ignore[index]
    threads: dict[str, threading.Thread] = {}

    class Threads(QuietProcessor):
        def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
            threads[host.name] = threading.current_thread()

    with nr:
        assert not nr.with_processors([Threads()]).run(task=say).failed
    own = threading.current_thread()
    assert [threads[name] is own for name in hosts] == [False, True] * 3


def test_a_host_whose_settings_are_wrong_fails_with_the_usual_words(sshd: Sshd) -> None:
    with nornir_over(sshd, names(3)) as nr:
        options = nr.inventory.hosts["host001"].connection_options["shell"].extras or {}
        options["backend"] = "quick"
        nr.inventory.hosts["host002"].connection_options["shell"].extras["odd"] = 1  # type: ignore[index]
        found = nr.run(task=say)
    assert not found["host000"].failed
    assert "backend: 'quick'; it is" in str(found["host001"].exception)
    assert "takes no odd" in str(found["host002"].exception)


def test_two_runs_in_two_threads_at_once_do_not_disturb_each_other(sshd: Sshd) -> None:
    found: dict[int, set[str]] = {}

    def run(number: int) -> None:
        with nornir_over(sshd, names(8)) as nr:
            results = nr.run(task=say, script=f"echo {number}")
            found[number] = {str(one[0].result) for one in results.values()}

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {0: {"0\n"}, 1: {"1\n"}}
