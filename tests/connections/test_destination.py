"""Connections use ssh_config, the agent and jump hosts as an operator expects."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nornir.core.configuration import Config, SSHConfig
from nornir.core.inventory import ConnectionOptions, Defaults, Group, Host, ParentGroups
from nornir.core.plugins.connections import ConnectionPluginRegister

from moor.connections.devices.device import device_of
from moor.connections.ssh.backends import BACKENDS
from moor.connections.ssh.destination import find_destination
from moor.connections.ssh.host_keys import SYSTEM
from moor.connections.ssh.shell import ShellPlugin
from moor.errors import HostError, InputError
from tests.connections.conftest import ALL
from tests.harness.sshd import Sshd, User, keypair

Write = Callable[[str], str]


@pytest.fixture
def ssh_config(tmp_path: Path) -> Write:
    """Return a function that writes an ssh_config and returns its path."""

    def write(text: str) -> str:
        path = tmp_path / "ssh_config"
        path.write_text(text)
        return str(path)

    return write


def said(path: str, host: str = "node1", port: int | None = None, **extras: Any) -> bytes:
    """Connect by an ssh_config, and return the name of the login user."""
    plugin = ShellPlugin()
    plugin.open(host, None, None, port, None, extras, Config(ssh=SSHConfig(config_file=path)))
    try:
        return plugin.connection.run("echo $SUDO_USER", 30).stdout
    finally:
        plugin.close()


@pytest.mark.usefixtures("backend")
def test_ssh_config_gives_name_port_user_key_and_known_hosts(sshd: Sshd, ssh_config: Write) -> None:
    path = ssh_config(
        f"Host node1\n HostName 127.0.0.1\n Port {sshd.port}\n User ops\n IdentityFile {sshd.key}\n"
        f" UserKnownHostsFile {sshd.known_hosts}\n IdentitiesOnly yes\n"
    )
    assert said(path) == b"ops\n"


def test_the_inventory_wins_over_ssh_config(ssh_config: Write) -> None:
    path = ssh_config("Host node1\n Port 2200\n User other\n")
    found = find_destination("node1", 2222, "me", path)
    assert (found.hostname, found.port, found.username) == ("node1", 2222, "me")


def test_a_missing_ssh_config_is_no_error() -> None:
    assert find_destination("node1", 22, "", "/nonexistent/config").hostname == "node1"


def test_an_ssh_config_that_cannot_be_parsed_is_an_error(ssh_config: Write) -> None:
    with pytest.raises(InputError, match="ssh_config"):
        find_destination("node1", 22, "", ssh_config("Host node1\n  !!\n"))
    with pytest.raises(InputError, match=r"ssh_config: .*; mend it, or name another") as refused:
        find_destination("node1", 22, "", ssh_config(f"Host node1\n  {'x' * 30_000}\n"))
    assert len(str(refused.value)) < 1000


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("given", ["by ssh_config", "by the inventory"])
def test_a_host_is_reached_through_a_jump_host(sshd: Sshd, ssh_config: Write, tmp_path: Path, given: str) -> None:
    with Sshd(tmp_path / "inner", (User("inner", ALL),)) as inner:
        (inner.directory / "authorized_keys").write_text((sshd.directory / "authorized_keys").read_text())
        inner.stop()
        inner.start()
        both = tmp_path / "both"
        both.write_text(sshd.known_hosts.read_text() + inner.known_hosts.read_text())
        path = ssh_config(
            f"Host node1\n HostName 127.0.0.1\n Port {inner.port}\n User inner\n ProxyJump ops@jump\n"
            f"Host jump\n HostName 127.0.0.1\n Port {sshd.port}\n"
            f"Host *\n IdentityFile {sshd.key}\n IdentitiesOnly yes\n"
        )
        key_file = None if given == "by ssh_config" else str(sshd.key)
        assert said(path, known_hosts=str(both), key_file=key_file) == b"inner\n"


PIN_IT = r"through the jump host failed: .*Host key verification failed.*moor check --accept-new-host-keys"


@pytest.mark.usefixtures("backend")
def test_a_jump_host_with_an_unknown_key_is_refused(sshd: Sshd, ssh_config: Write) -> None:
    path = ssh_config(
        f"Host node1\n HostName 127.0.0.1\n ProxyJump ops@127.0.0.1:{sshd.port}\nHost *\n IdentityFile {sshd.key}\n"
    )
    with pytest.raises(
        HostError,
        match=PIN_IT,
    ):
        said(path, known_hosts="/dev/null")


@pytest.mark.usefixtures("backend")
def test_the_error_quotes_a_proxy_command_that_ends_at_once(sshd: Sshd, ssh_config: Write) -> None:
    path = ssh_config("Host node1\n ProxyCommand sh -c 'echo out of order >&2; exit 1'\n")
    with pytest.raises(HostError, match="through the jump host failed: out of order"):
        said(path, key_file=str(sshd.key))


def test_the_error_quotes_a_device_s_proxy_command_that_ends_at_once(sshd: Sshd, ssh_config: Write) -> None:
    extras = {"ssh_host_key": sshd.host_key, "key_file": str(sshd.key)}
    options = {"netmiko": ConnectionOptions(extras=extras, platform="cisco_ios")}
    groups = ParentGroups([Group("devices")])
    edge = Host("edge", "edge", username="ops", groups=groups, connection_options=options, defaults=Defaults())
    ConnectionPluginRegister.auto_register()
    path = ssh_config("Host edge\n ProxyCommand sh -c 'echo out of order >&2; exit 1'\n")
    with pytest.raises(HostError, match="edge:22: the way through the jump host failed: out of order"):
        device_of(edge, Config(ssh=SSHConfig(config_file=path)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"HostKeyAlgorithms": "ssh-rsa"}, "host keys of SHA-1 or DSA alone"),
        ({"KexAlgorithms": "diffie-hellman-group14-sha1"}, "key exchanges of SHA-1 alone"),
    ],
    ids=["host-key", "key-exchange"],
)
def test_a_device_that_knows_sha_1_alone_is_told_with_a_way_out(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    shown = keypair(tmp_path / "rsa", "rsa")
    with Sshd(tmp_path / "old", settings={"HostKey": str(tmp_path / "rsa"), **settings}) as old:
        for known in ({"ssh_host_key": shown}, {}):
            options = {"netmiko": ConnectionOptions(extras=known, platform="cisco_ios", password="x")}
            edge = Host("edge", "127.0.0.1", port=old.port, connection_options=options, defaults=Defaults())
            ConnectionPluginRegister.auto_register()
            with pytest.raises(HostError, match=f"{words} .*, which paramiko 5 .* pip install 'paramiko<5'"):
                device_of(edge, Config())


def test_each_jump_host_is_reached_through_the_one_before_with_strict_keys(ssh_config: Write) -> None:
    path = ssh_config("Host node1\n ProxyJump a,me@[fd00::1]:2222\nHost a\n HostName 10.0.0.1\n")
    found = find_destination("node1", 22, "", path, "/my site/known_hosts")
    assert [(jump.called, jump.hostname, jump.port) for jump in found.jumps] == [
        ("a", "10.0.0.1", 22),
        ("fd00::1", "fd00::1", 2222),
    ]
    words = shlex.split(found.proxy)
    assert words[-8:] == ["-l", "me", "-p", "2222", "-W", "node1:22", "--", "fd00::1"]
    (inner,) = (word.removeprefix("ProxyCommand=") for word in words if word.startswith("ProxyCommand="))
    assert shlex.split(inner)[-3:] == ["[fd00::1]:2222", "--", "a"]
    for command in (words, shlex.split(inner)):
        assert {"StrictHostKeyChecking=yes", "BatchMode=yes", 'UserKnownHostsFile="/my site/known_hosts"'} <= {*command}


def test_a_jump_host_that_host_star_sends_through_itself_is_reached_directly(ssh_config: Write) -> None:
    path = ssh_config("Host *\n ProxyJump gate\n")
    (gate,) = find_destination("node1", 22, "", path).jumps
    assert (gate.called, gate.jumps, "ProxyJump=none" in find_destination("node1", 22, "", path).proxy) == (
        "gate",
        (),
        True,
    )


def test_a_jump_host_behind_another_is_reached_through_it(ssh_config: Write) -> None:
    path = ssh_config("Host node1\n ProxyJump b\nHost b\n ProxyJump a\n")
    assert [jump.called for jump in find_destination("node1", 22, "", path).jumps] == ["a", "b"]


@pytest.mark.usefixtures("backend")
def test_the_agent_s_keys_are_used_if_no_key_is_named(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sock = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(sock)], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("HOME", str(tmp_path))  # no keys of the tester's own
        monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
        subprocess.run(
            ["sh", "-c", f"until ssh-add -q {sshd.key}; do sleep 0.05; done"], check=True, stderr=subprocess.DEVNULL
        )
        options = sshd.options("ops")
        options["extras"].pop("key_file")
        plugin = ShellPlugin()
        plugin.open(**options)
        assert plugin.connection.run("echo $SUDO_USER", 30).stdout == b"ops\n"
        plugin.close()
    finally:
        agent.terminate()
        agent.wait()


def test_match_exec_works_though_invoke_is_imported_at_its_first_use(ssh_config: Write) -> None:
    words = ssh_config("Match exec true\n  User ops\nMatch exec false\n  User nobody\n")
    program = f"""\
import sys
from moor.connections.ssh.destination import find_destination
from moor.connections.ssh.host_keys import SYSTEM
import paramiko
assert "invoke.runners" not in sys.modules
print(find_destination("node1", 22, "", {words!r}).username)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("ops\n", "")


HIDDEN = """\
mount --bind "$1" /etc/ssh/ssh_config && exec "$2" -c '
import json, sys
from moor.connections.devices.device import device_of
from moor.connections.ssh.backends import BACKENDS
from moor.connections.ssh.shell import ShellPlugin
plugin = ShellPlugin()
plugin.open(**json.loads(sys.argv[1]), configuration=None)
print(plugin.connection.run("echo $SUDO_USER", 30).stdout.decode())
plugin.close()' "$3"
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_ssh_config_that_the_site_does_not_name_is_ignored(sshd: Sshd, ssh_config: Write, backend: str) -> None:
    path = ssh_config("Host *\n Ciphers 3des-cbc\n HostKeyAlgorithms ssh-dss\n User stranger\n KexAlgorithms no-such\n")
    options = json.dumps(sshd.options("ops", backend=backend))
    argv = ["unshare", "-m", "sh", "-c", HIDDEN, "sh", path, sys.executable, options]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("ops", "")


def test_included_files_are_read_as_by_ssh_nested_and_by_pattern(ssh_config: Write, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/a.conf").write_text(f"Host node1\n HostName 10.0.0.1\n Include {tmp_path}/deep\n")
    (tmp_path / "more/b.conf").write_text("Host node2\n HostName 10.0.0.2\nHost *\n Port 2200\n")
    (tmp_path / "deep").write_text("User inner\nIdentityFile /keys/%h\n")
    path = ssh_config(f"Include {tmp_path}/more/*.conf\nHost *\n User outer\n ProxyJump gate\n")
    found = find_destination("node1", 22, "", path)
    assert (found.hostname, found.port, found.username) == ("10.0.0.1", 2200, "inner")
    assert found.identities == (Path("/keys/10.0.0.1"),)
    assert [jump.called for jump in found.jumps] == ["gate"]
    other = find_destination("node2", 22, "", path)
    assert (other.hostname, other.username, other.identities) == ("10.0.0.2", "outer", ())


def test_a_match_is_evaluated_as_by_ssh(ssh_config: Write) -> None:
    path = ssh_config(
        "Match originalhost node1 user ops\n Port 2201\n"
        'Match host node2 exec "test %h = node2"\n HostName 10.0.0.2\n HostKeyAlias second\n'
    )
    assert (find_destination("node1", 22, "ops", path).port, find_destination("node1", 22, "me", path).port) == (
        2201,
        22,
    )
    second = find_destination("node2", 22, "", path)
    assert (second.hostname, second.key_name) == ("10.0.0.2", "second")
    third = find_destination("Node3", 22, "", path)
    assert (third.hostname, third.username, third.known_hosts) == ("Node3", None, SYSTEM)


@pytest.mark.usefixtures("backend")
def test_a_host_is_reached_by_an_included_file(sshd: Sshd, ssh_config: Write, tmp_path: Path) -> None:
    (tmp_path / "included").write_text(
        f"Host node1\n HostName 127.0.0.1\n Port {sshd.port}\n User ops\n IdentityFile {sshd.key}\n"
        f" UserKnownHostsFile {sshd.known_hosts}\n IdentitiesOnly yes\n"
    )
    assert said(ssh_config(f"Include {tmp_path}/included\n")) == b"ops\n"


def test_the_error_quotes_ssh_if_it_refuses_the_file(ssh_config: Write, tmp_path: Path) -> None:
    (tmp_path / "included").write_text("Host node1\n Prot 22\n")
    with pytest.raises(InputError, match=r"ssh_config: ssh does not take it: .*prot"):
        find_destination("node1", 22, "", ssh_config(f"Include {tmp_path}/included\n"))


def test_without_ssh_an_include_is_refused(ssh_config: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = ssh_config("Include more\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="read by ssh, which is not installed here"):
        find_destination("node-without-ssh", 22, "", path)
