"""How many hosts at once is found from what hosts and this machine bear; nobody waits for a slow one."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Result, Task

from moor.engine.asking import Asking, Question, asks
from moor.processors import QuietProcessor
from moor.runner.loop_runner import LoopRunner
from tests.harness.sshd import Sshd
from tests.runner.fleets import Noted, names, nornir_over, peer, say, until_closed

GIGABYTE = 2**30
ROOT = Path(__file__).parents[2]


def test_forty_names_of_one_sshd_that_bears_three_logins_are_all_reached(tmp_path: Path) -> None:
    with Sshd(tmp_path, settings={"MaxStartups": "3", "LogLevel": "VERBOSE"}) as crowded:
        with nornir_over(crowded, names(40)) as nr:
            found = nr.run(task=say, script="echo reached")
        log = (crowded.directory / "log").read_text()
    assert {name: str(one[0]) for name, one in found.items() if one.failed} == {}
    assert log.count("Accepted publickey") == 40
    assert "drop connection" in log  # it did refuse some


def test_names_that_are_looked_up_share_the_window_of_their_address(tmp_path: Path) -> None:
    hosts = names(20)
    with Sshd(tmp_path, settings={"MaxStartups": "2"}) as crowded, nornir_over(crowded, hosts) as nr:
        for number, name in enumerate(hosts):
            host = nr.inventory.hosts[name]
            host.hostname = "localhost" if number % 2 else "LocalHost"
            extras = host.connection_options["shell"].extras or {}
            extras["ssh_host_key"] = crowded.host_key
        found = nr.run(task=say, script="echo reached")
    assert {name: str(one[0]) for name, one in found.items() if one.failed} == {}


def test_a_host_that_refuses_for_good_ends_with_the_usual_error(sshd: Sshd) -> None:
    asked: list[float] = []

    def refuse(connection: socket.socket) -> None:
        asked.append(time.monotonic())

    with peer(refuse) as port, nornir_over(sshd, names(2), elsewhere={"shut": port}) as nr:
        found = nr.run(task=say)
    assert [name for name, one in found.items() if one.failed] == ["shut"]
    assert "the host closed the connection before the login" in str(found["shut"].exception)
    assert len(asked) > 1


def test_a_login_that_was_refused_as_such_is_not_tried_again(sshd: Sshd, tmp_path: Path) -> None:
    with Sshd(tmp_path, settings={"AuthorizedKeysFile": "none", "LogLevel": "VERBOSE"}) as strict:
        with nornir_over(strict, names(1)) as nr:
            found = nr.run(task=say)
        log = (strict.directory / "log").read_text()
    assert "authentication failed" in str(found["host000"].exception)
    assert log.count("Failed publickey") == 1


def drip(connection: socket.socket) -> None:
    """Send one byte of a banner after the other, and never its end."""
    connection.settimeout(1)
    while True:
        connection.sendall(b"x")
        with suppress(TimeoutError):
            if not connection.recv(4096):
                return


@pytest.mark.parametrize("told", [None, 60])
def test_silent_and_dripping_hosts_delay_no_other(sshd: Sshd, told: int | None) -> None:
    noted, good = Noted(), names(50)
    with peer(until_closed) as silent, peer(drip) as dripping:
        bad = {"silent": silent, "dripping": dripping}
        with nornir_over(sshd, good, LoopRunner(told), elsewhere=bad, conn_timeout=3) as nr:
            hosts = nr.inventory.hosts
            for name in (*bad, *good):  # the bad ones begin first
                hosts[name] = hosts.pop(name)
            found = nr.with_processors([noted]).run(task=say)
    assert [name for name, what in noted.events if (name, what) in {("started", one) for one in bad}] == ["started"] * 2
    assert noted.events[1:3] == [("started", "silent"), ("started", "dripping")]
    assert set(noted.ended()[:50]) == set(good)
    assert not any(found[name].failed for name in good)
    for name in bad:
        assert "does not speak SSH in time" in str(found[name].exception)


@asks
def chatter(task: Task, chatty: str, stop: str) -> Asking[Result]:
    """Have one host send without end until a file is there; return how much was sent."""
    endless = f"while [ ! -e {stop} ]; do head -c 1000000 /dev/zero; done"
    answer = yield Question(endless if task.host.name == chatty else "echo good", 120)
    return Result(host=task.host, result=len(answer.stdout))


def test_a_host_that_sends_without_end_delays_no_other(sshd: Sshd, tmp_path: Path) -> None:
    noted, good = Noted(), names(10)
    stop = tmp_path / "stop"

    class Stopping(QuietProcessor):
        """Have the chatty host come to its end once the others have ended."""

        def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
            if set(good) <= set(noted.ended()):
                stop.touch()

    with nornir_over(sshd, ["chatty", *good], limit_bytes=GIGABYTE) as nr:
        found = nr.with_processors([noted, Stopping()]).run(task=chatter, chatty="chatty", stop=str(stop))
    assert noted.ended()[-1] == "chatty"
    assert {name: str(one[0]) for name, one in found.items() if one.failed} == {}
    assert int(str(found["chatty"][0].result)) >= 1_000_000


MATCH = """\
Match originalhost 127.0.0.9 exec "while [ ! -e {stop} ]; do sleep 0.05; done"
  HostName 127.0.0.1
"""


def test_a_command_in_ssh_config_that_takes_its_time_delays_no_other(sshd: Sshd, tmp_path: Path) -> None:
    noted, stop = Noted(), tmp_path / "stop"
    (tmp_path / "config").write_text(MATCH.format(stop=stop))

    class Stopping(QuietProcessor):
        """Let the command come to its end once the others have ended."""

        def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
            if len(noted.ended()) == 4:
                stop.touch()

    config = str(tmp_path / "config")
    with nornir_over(sshd, ["slow", *names(4)], config_file=config, ssh_host_key=sshd.host_key) as nr:
        nr.inventory.hosts["slow"].hostname = "127.0.0.9"
        found = nr.with_processors([noted, Stopping()]).run(task=say)
    assert {name: str(one[0]) for name, one in found.items() if one.failed} == {}
    assert noted.ended()[-1] == "slow"


LIMITED = """
import json, resource, sys
from pathlib import Path
from tests.harness.sshd import Sshd
from tests.runner.fleets import names, nornir_over, say

folder, backend, hosts = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with Sshd(folder) as sshd:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    with nornir_over(sshd, names(hosts), backend=backend) as nr:
        rounds = [nr.run(task=say, script="echo reached") for _ in range(2)]
    print(json.dumps([{name: str(one[0].result) for name, one in found.items()} for found in rounds]))
"""


def test_a_process_that_may_open_few_files_reaches_a_fleet_all_the_same(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), "libssh", "100"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [dict.fromkeys(names(100), "reached\n")] * 2
