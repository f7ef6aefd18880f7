"""One command on many hosts: real logins to an sshd on loopback, the script in every shell, what devices may get."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.context import CommandOrder
from moor.engine.command_answers import LONGEST, answer_of
from moor.run.command import interpreter_of, name_of, script_of
from moor.run.show_commands import SHOWING, refusal_on
from tests.harness.commands import Done, moor_here
from tests.harness.servers import free_port
from tests.harness.shells import SHELLS, sh
from tests.harness.sites import Content, write_site
from tests.harness.sshd import Sshd, User

PLAIN, ADMIN = User("plain"), User("admin", "ALL=(ALL) NOPASSWD: ALL")
SECRET = "correct-horse-battery"


@dataclass
class Hosts:
    """A site of three hosts, of which one cannot be reached; ``sshd`` serves the others."""

    sshd: Sshd
    site: Path

    def run(self, *words: str) -> Done:
        return moor_here(self.site, "run", *words)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    folder = tmp_path_factory.mktemp("run")
    addresses = "127.0.0.2\nListenAddress 127.0.0.1\nListenAddress 127.0.0.3"
    with Sshd(folder / "sshd", (PLAIN, ADMIN), {"ListenAddress": addresses}) as sshd:
        sshd.known_hosts.write_text("".join(f"[127.0.0.{n}]:{sshd.port} {sshd.host_key}\n" for n in (1, 2, 3)))
        extras = {"key_file": str(sshd.key), "known_hosts": str(sshd.known_hosts), "secret": "file:secret"}
        shell = {"connection_options": {"shell": {"extras": extras}}}
        users = {"node1": ("127.0.0.1", "plain"), "node2": ("127.0.0.2", "plain"), "root1": ("127.0.0.3", "admin")}
        found = {
            name: {"hostname": address, "port": sshd.port, "username": user, "groups": ["all"]}
            for name, (address, user) in users.items()
        }
        gone = {"hostname": "127.0.0.1", "port": free_port(), "username": "plain", "groups": ["all"]}
        files: dict[str, Content] = {"inventory/hosts.yaml": found | {"gone": gone}}
        files["inventory/groups.yaml"] = {"all": shell}
        yield Hosts(sshd, write_site(folder / "site", files, {"secret": SECRET}))


def test_equal_answers_stand_once_and_a_host_that_fails_is_named_with_its_kind(hosts: Hosts) -> None:
    done = hosts.run("id -un; [ $(id -un) = plain ] || { echo 'no space' >&2; exit 7; }")
    assert done.returncode == 1
    run = done.stdout.split("moor history ")[1].split()[0]
    assert done.stdout == (
        "  + exit code 0  [node1 node2]\n"
        "      | plain\n"
        "  ! exit code 7  [root1]\n"
        "      | admin\n"
        "      2> no space\n"
        "  ! gone: connection refused; is sshd running there, and the port right? (unreachable)\n"
        f"run: exit code 0 on 2 of 4 hosts, another on 1, 1 failed; moor history {run} keeps the answers\n"
    )
    kept = moor_here(hosts.site, "history", run).stdout
    assert "exit code 7" in kept
    assert "| plain" in kept
    assert hosts.run("true", "--limit", "@failed").stdout.startswith("  + exit code 0  [root1]")


def test_a_run_is_root_by_sudo_only_where_it_is_said(hosts: Hosts) -> None:
    assert "| admin" in hosts.run("id -un", "--limit", "root1").stdout
    done = hosts.run("id -un", "--limit", "root1,node1", "--sudo")
    assert done.returncode == 1
    assert "  + exit code 0  [root1]\n      | root\n" in done.stdout
    assert "  ! node1: " in done.stdout
    assert "sudo" in done.stdout.split("  ! node1: ")[1]
    assert "(privilege)" in done.stdout


def test_json_has_exit_code_and_outputs_of_each_host(hosts: Hosts) -> None:
    done = hosts.run("echo out; echo err >&2; exit 3", "--limit", "node1", "--output", "json")
    assert done.returncode == 2
    answer = {"exit_code": 3, "stdout": "out", "stderr": "err", "cut": False}
    assert done.report["command"] == "run"
    assert done.report["hosts"]["node1"]["answer"] == answer
    junit = hosts.run("exit 3", "--limit", "node1", "--output", "junit")
    assert "exit code 3" in junit.stdout


def test_a_command_that_does_not_end_is_an_error_with_what_it_said(hosts: Hosts) -> None:
    began = time.monotonic()
    done = hosts.run("echo begun; sleep 60", "--timeout", "1", "--limit", "node[1-2]")
    assert time.monotonic() - began < 30
    assert done.returncode == 1
    assert done.stdout.startswith(
        "  ! node1 node2: no end within 1 s, so the host ended it; --timeout SECONDS gives it longer (timeout)\n"
        "      | begun\n"
    )


def test_secrets_show_nowhere_and_output_is_bounded(hosts: Hosts) -> None:
    done = hosts.run(f"echo {SECRET}; echo 'password: hunter2'", "--limit", "root1", "--sudo")
    assert "| ***\n" in done.stdout
    assert "password: ***" in done.stdout
    run = done.stdout.split("moor history ")[1].split()[0]
    said = done.said + moor_here(hosts.site, "history", run, "--output", "json").stdout
    assert SECRET not in said
    assert "hunter2" not in said
    many = hosts.run("yes", "--timeout", "1", "--limit", "node1", "--output", "json").report["hosts"]["node1"]
    assert (len(many["answer"]["stdout"]), many["answer"]["cut"]) == (LONGEST - 1, True)  # without the last newline


def test_a_script_runs_by_the_interpreter_that_it_names(hosts: Hosts, tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text("#!/usr/bin/env python3\nimport sys\nprint('it is', sys.version_info[0])\nsys.exit(4)\n")
    done = hosts.run("--script", str(script), "--limit", "node1")
    assert (done.returncode, done.stdout.splitlines()[:2]) == (2, ["  ! exit code 4  [node1]", "      | it is 3"])
    assert (
        f"command:{script}"
        in moor_here(hosts.site, "history").stdout
        + moor_here(hosts.site, "history", done.stdout.split("moor history ")[1].split()[0]).stdout
    )
    assert hosts.run("ls /tmp/moor-run.* 2>/dev/null", "--limit", "node1").returncode == 2  # nothing is left


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "write either a command"),
        (("uptime", "--script", "x"), "write either a command"),
        (("ls", "x"), "write the command as one word, in quotes: moor run 'ls x'"),
        (("  ",), "the command is empty"),
        (("--script", "/no/such"), "--script /no/such: No such file or directory"),
        (("--script", "/bin/ls"), "not a text; only scripts can be run"),
        (("uptime", "--timeout", "0"), "--timeout"),
        (("uptime", "--limit", "nod1"), "did you mean node1?"),
    ],
)
def test_wrong_words_are_one_error_before_any_host_is_asked(hosts: Hosts, words: tuple[str, ...], said: str) -> None:
    done = hosts.run(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "stdout", "stderr", "code"),
    [
        ("echo a; echo b >&2; exit 3", b"a\n", b"b\n", 3),
        ("cat", b"", b"", 0),  # has no input, and does not eat the rest of the script
        ("echo 'it''s' \"$((1+1))\" | tr s S", b"itS 2\n", b"", 0),
        ("exec 3>&- 4>&- 5>&- 6>&-; echo on", b"on\n", b"", 0),
        ("kill -9 $$", b"", b"", 137),
        ("printf 'no newline'", b"no newline", b"", 0),
        ("echo a\necho b", b"a\nb\n", b"", 0),
    ],
)
def test_a_command_gives_its_outputs_and_its_exit_code(
    shell: str, words: str, stdout: bytes, stderr: bytes, code: int
) -> None:
    done = sh(shell, script_of(CommandOrder(words)))
    assert (done.stdout, done.returncode) == (stdout, code)
    assert stderr in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_with_much_output_ends_as_it_would(shell: str) -> None:
    order = CommandOrder("head -c 900000 /dev/zero; head -c 900000 /dev/zero >&2; exit 5")
    done = sh(shell, script_of(order))
    assert (len(done.stdout), len(done.stderr), done.returncode) == (LONGEST + 1, LONGEST + 1, 5)
    assert answer_of(5, done.stdout, done.stderr).cut


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_any_words_reach_sh_as_they_are(words: str) -> None:
    done = sh("dash", script_of(CommandOrder(f"printf %s {json.dumps('x')}; : <<'END OF IT'\n{words}\nEND OF IT\n")))
    assert (done.stdout, done.returncode) == (b"x", 0)


def test_a_script_without_a_first_line_is_for_sh() -> None:
    assert interpreter_of("echo a") == "sh"
    assert interpreter_of("#!/usr/bin/python3 -u\nx") == "/usr/bin/python3 -u"
    assert interpreter_of("#!\n") == "sh"


def test_what_looks_like_a_secret_is_not_kept_of_the_command_itself() -> None:
    assert name_of(CommandOrder("mysql --password=hunter2 -e x")) == "command:mysql --password=***"
    assert len(name_of(CommandOrder("x" * 5000))) < 300


@pytest.mark.parametrize(
    ("platform", "command", "said"),
    [
        ("cisco_ios", "show ip route", ""),
        ("cisco_ios", "show running-config | section bgp", ""),
        ("cisco_ios", "configure terminal", "does not begin with"),
        ("cisco_ios", "reload", "does not begin with"),
        ("cisco_ios", "show run | redirect flash:x", "must be one of"),
        ("cisco_ios", "show run | include a | append flash:x", "must be one of"),
        ("cisco_ios", "show clock\nreload", "more than one command"),
        ("cisco_nxos", "show version ; reload", "more than one command"),
        ("cisco_nxos", "show run > bootflash:x", "more than one command"),
        ("arista_eos", "show run | tee flash:x", "must be one of"),
        ("arista_eos", "bash rm x", "does not begin with"),
        ("juniper_junos", "show configuration | display set | match \"a b\"", ""),
        ("juniper_junos", "show configuration | save x", "must be one of"),
        ("juniper_junos", "request system reboot", "does not begin with"),
        ("vyos", "show version $(reboot)", "more than one command"),
        ("vyos", "show version `reboot`", "more than one command"),
        ("vyos", "show log | tee /config/x", "must be one of"),
        ("huawei_vrp", "display version", ""),
        ("huawei_vrp", "show version", "does not begin with display"),
        ("fortinet", "get system status", ""),
        ("linux", "show x", "moor does not know which commands only show something on linux"),
        ("", "show x", "a device without a platform"),
        ("cisco_ios", "show run |", "must be one of"),
        ("cisco_ios", "| include x", "does not begin with"),
    ],
)  # fmt: skip
def test_only_what_shows_is_let_through_to_a_device(platform: str, command: str, said: str) -> None:
    found = refusal_on(platform, command)
    assert said in found
    assert bool(said) == bool(found)


@given(st.sampled_from(sorted(SHOWING)), st.text(max_size=30), st.sampled_from(";&$`<>\n\r\\!#"), st.text(max_size=30))
def test_no_letter_of_a_shell_gets_through(platform: str, before: str, letter: str, after: str) -> None:
    first = min(SHOWING[platform].first)
    assert refusal_on(platform, f"{first} {before}{letter}{after}")
