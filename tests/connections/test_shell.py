"""Scripts and streams as root over a real sshd."""

import gc
import io
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moor.connections.ssh.shell import Shell, ShellPlugin
from moor.errors import HostError, InputError
from moor.resources.base import literal
from moor.script_result import ScriptResult
from tests.connections.conftest import SHELLS
from tests.harness.sshd import PASSWORD, Sshd, descendants
from tests.harness.waiting import eventually, until

pytestmark = pytest.mark.usefixtures("backend")

LogIn = Callable[..., Shell]
SAID = ScriptResult(b"0\n", b"told\n", 3)
SCRIPT = "id -u; echo told >&2; exit 3\n"


@pytest.mark.parametrize("username", ["root", "ops", "noisy", *(f"with{Path(path).name}" for path in SHELLS)])
def test_a_script_runs_as_root_from_any_login_shell_and_profile(log_in: LogIn, username: str) -> None:
    assert log_in(username).run(SCRIPT, 30) == SAID


@pytest.mark.parametrize("username", ["root", "ops", "asked"])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=3000))
def test_any_bytes_pass_both_ways(log_in: LogIn, username: str, raw: bytes) -> None:
    shell = log_in(username, secret=PASSWORD)
    text = raw.decode("utf-8", "surrogateescape")
    assert shell.run(literal(text), 30).stdout == raw
    assert shell.stream("cat; cat >&2", io.BytesIO(raw), 30).stdout == raw


def test_a_command_may_hold_any_character(log_in: LogIn) -> None:
    command = "printf %s 'a!b\\n'\"$(printf '\\n%s' \"it's \\$HOME\")\"; : é `date` !! #"
    assert log_in("ops").stream(command, io.BytesIO(), 30).stdout == b"a!b\\n\nit's $HOME"


def test_megabytes_pass_in_both_directions_at_once(log_in: LogIn) -> None:
    raw = os.urandom(8_000_000)
    told: list[int] = []
    answer = log_in("ops").stream("tee /dev/stderr", io.BytesIO(raw), 60, told.append)
    assert (answer.stdout, answer.stderr, answer.code) == (raw, raw, 0)
    assert told == sorted(told)
    assert told[-1] == len(raw)


@pytest.mark.parametrize("username", ["root", "ops", "noisy"])
def test_output_of_any_length_goes_to_a_sink(log_in: LogIn, username: str) -> None:
    raw, got = os.urandom(8_000_000), bytearray()
    answer = log_in(username, limit_bytes=100_000).stream(
        "cat; echo told >&2; exit 3", io.BytesIO(raw), 60, None, got.extend
    )
    assert (answer, bytes(got)) == (ScriptResult(b"", b"told\n", 3), raw)


def test_what_a_sink_raises_ends_the_command_and_leaves_the_connection_usable(log_in: LogIn) -> None:
    def refuse(piece: bytes) -> None:
        raise InputError("no room")

    shell = log_in("ops")
    with pytest.raises(InputError, match="no room"):
        shell.stream("yes", io.BytesIO(), 60, None, refuse)
    assert shell.run("echo on", 30).stdout == b"on\n"


def test_a_command_that_stops_reading_ends_the_stream(log_in: LogIn) -> None:
    answer = log_in().stream("head -c 5; exit 4", io.BytesIO(bytes(20_000_000)), 30)
    assert (answer.stdout, answer.code) == (bytes(5), 4)


def test_a_script_is_not_in_any_argv(log_in: LogIn) -> None:
    answer = log_in("asked", secret=PASSWORD).run(": not-to-be-seen\ncat /proc/[0-9]*/cmdline | tr '\\0' ' '", 30)
    assert b" sh -s " in answer.stdout
    assert b"not-to-be-seen" not in answer.stdout
    assert PASSWORD.encode() not in answer.stdout


def test_no_password_is_sent_if_sudo_asks_for_none(log_in: LogIn) -> None:
    assert log_in("ops", secret="not needed").run("cat", 30) == ScriptResult(b"", b"", 0)


def test_a_secret_may_be_a_reference(log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_PASSWORD", PASSWORD)
    assert log_in("asked", secret="env:SUDO_PASSWORD").run(SCRIPT, 30) == SAID


@pytest.mark.parametrize(
    ("username", "secret", "words"),
    [
        ("asked", None, "sudo wants a password; give secret"),
        ("asked", "wrong", "sudo refused the password; check secret"),
        ("stranger", PASSWORD, "may not use sudo"),
        ("limited", PASSWORD, "sudoers allows this user other commands only"),
        ("terminal", None, "requiretty"),
        ("nobodys", None, "login shell did not run a command"),
        ("shless", None, "login shell found no sh"),
    ],
)
def test_each_reason_why_a_user_cannot_become_root_is_recognised(
    log_in: LogIn, username: str, secret: str | None, words: str
) -> None:
    shell = log_in(username, **({"secret": secret} if secret else {}))
    with pytest.raises(HostError, match=words) as caught:
        shell.run("touch /tmp/moor-must-not-be", 30)
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert "moor-" not in str(caught.value).replace("moor-must", "") or username == "limited"
    assert not Path("/tmp/moor-must-not-be").exists()  # noqa: S108


def test_a_script_that_does_not_end_is_stopped_on_the_host_too(log_in: LogIn, tmp_path: Path) -> None:
    shell, began = log_in("ops"), time.monotonic()
    with pytest.raises(HostError, match="no end within 1 s"):
        shell.run(f"echo $$ > {tmp_path}/pid; sleep 60; touch {tmp_path}/late", 1)
    assert time.monotonic() - began < 5
    pid = int((tmp_path / "pid").read_text())
    assert eventually(lambda: not Path(f"/proc/{pid}").exists(), 15)
    assert not (tmp_path / "late").exists()
    assert shell.run("echo again", 30).stdout == b"again\n"


def test_a_command_that_is_killed_has_not_succeeded(log_in: LogIn) -> None:
    shell = log_in("ops")
    assert shell.run("kill -9 $$", 30).code == 137
    with pytest.raises(HostError, match="ended without an exit status"):
        shell.run("kill -9 $(ps -o ppid= $(ps -o ppid= $$)) $(ps -o ppid= $$) $$", 30)
    assert shell.run("exit 255", 30).code == 255


def test_output_is_bounded(log_in: LogIn) -> None:
    shell = log_in("ops", limit_bytes=100_000)
    with pytest.raises(HostError, match="more than 100000 bytes"):
        shell.run("yes", 30)
    assert shell.run("yes | head -c 50000", 30).code == 0


def test_a_process_that_a_script_leaves_behind_does_not_delay_its_result(log_in: LogIn) -> None:
    began = time.monotonic()
    assert log_in().run("sleep 20 & echo done", 30).stdout == b"done\n"
    assert time.monotonic() - began < 10


def test_a_lost_connection_is_an_error_and_the_next_call_connects_again(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        plugin = ShellPlugin()
        plugin.open(**sshd.options())
        threading.Timer(1, sshd.cut).start()
        with pytest.raises(HostError, match="connection lost after"):
            plugin.connection.run("sleep 30", 60)
        assert plugin.connection.run("echo back", 30).stdout == b"back\n"
        sshd.cut()
        until(lambda: not descendants(sshd.process.pid if sshd.process else 0), "the sessions are gone")
        assert plugin.connection.run("echo back", 30).stdout == b"back\n"
        plugin.close()


def test_a_host_that_hangs_after_the_login_is_an_error_within_the_time_limit(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        plugin = ShellPlugin()
        plugin.open(**sshd.options())
        plugin.connection.run(":", 30)
        sshd.signal_sessions(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(HostError, match=r"no answer within 2 s|no end within 2 s|opens no channel"):
            plugin.connection.stream("cat", io.BytesIO(bytes(50_000_000)), 2)
        assert time.monotonic() - began < 8
        plugin.close()


def test_a_finished_command_frees_its_memory_without_the_garbage_collector(log_in: LogIn) -> None:
    shell = log_in(backend="netmiko")
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            shell.run(":", 30)
        ours = shell.session.netmiko.transport  # type: ignore[attr-defined]
        left = [o for o in gc.get_objects() if type(o) is paramiko.Channel and o.get_transport() is ours]
    finally:
        gc.enable()
    assert len(left) <= 1  # paramiko's thread has the last one at hand


def test_netmiko_s_own_methods_use_the_same_session(log_in: LogIn) -> None:
    shell = log_in(backend="netmiko")
    session = shell.session.netmiko  # type: ignore[attr-defined]
    assert session.send_command("echo typed").strip() == "typed"
    assert shell.run("echo by script", 30).stdout == b"by script\n"
