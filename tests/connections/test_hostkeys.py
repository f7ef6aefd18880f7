"""Known hosts are read as sshd(8) says, and a new host's key is pinned on request alone."""

import subprocess
from pathlib import Path

import pytest
from nornir.core.inventory import ConnectionOptions, Defaults, Host

from moor.connections.hostkeys import append_known_host, known_keys, parse, pin, scan_host_key
from moor.connections.shell import ShellPlugin
from moor.errors import HostError, InputError
from tests.connections.sshd import Sshd, free_port, keypair

KIND, BLOB = "ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIHVEpPMSYfsrvLtAvLTp7Ss1vpZYd17oMDYQ0R4sLxZb"


@pytest.mark.parametrize(
    ("names", "name", "found"),
    [
        ("node1", "node1", True),
        ("node1,10.0.0.1", "10.0.0.1", True),
        ("node1", "node11", False),
        ("NODE1", "node1", True),
        ("[node1]:2222", "[node1]:2222", True),
        ("node1", "[node1]:2222", False),
        ("[node1]:2222", "n", False),
        ("*.example.com", "a.example.com", True),
        ("node?", "node1", True),
        ("*,!node1", "node1", False),
        ("*,!node1", "node2", True),
        ("[*]:2222", "[node1]:2222", True),
    ],
)
def test_names_and_patterns(names: str, name: str, found: bool) -> None:
    assert bool(parse(f"{names} {KIND} {BLOB} a comment\n").lines(name)) is found


def test_hashed_names_are_found(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"node1 {KIND} {BLOB}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    assert "node1" not in path.read_text()
    assert len(known_keys([path], "node1")) == 1
    assert known_keys([path], "node2") == []


def test_a_revoked_key_and_an_authority_are_no_known_keys(tmp_path: Path) -> None:
    path, other = tmp_path / "known_hosts", keypair(tmp_path / "other")
    path.write_text(f"@revoked * {KIND} {BLOB}\nnode1 {KIND} {BLOB}\n@cert-authority * {other}\nnode1 {other}\n")
    assert [f"{key.get_name()} {key.get_base64()}" for key in known_keys([path], "node1")] == [other]


def test_lines_that_make_no_sense_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(
        f"# comment {KIND} x\n\nnode1\nnode1 {KIND} !!!\nnode1 no-such-kind AAAA\n, {KIND} {BLOB}\n|1|x {KIND} y\n"
    )
    assert known_keys([path], "node1") == []


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    assert known_keys([path], "node1") == []
    path.write_text(f"node1 {KIND} {BLOB}\n")
    assert len(known_keys([path], "node1")) == 1


def host_of(sshd: Sshd, known_hosts: Path) -> Host:
    """Give the inventory's host for an sshd."""
    extras = {"known_hosts": str(known_hosts), "key_file": str(sshd.key)}
    options = {"shell": ConnectionOptions(extras=extras)}
    return Host(
        "node1", hostname="127.0.0.1", port=sshd.port, username="root", connection_options=options, defaults=Defaults()
    )


def test_pinning_a_new_host_says_so_once_and_lets_us_in(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "site" / "known_hosts"
    host = host_of(sshd, path)
    (line,) = pin(host)
    assert line.startswith("node1: ssh-ed25519 SHA256:")
    assert path.read_text() == f"[127.0.0.1]:{sshd.port} {sshd.host_key}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(pin(host)) == []
    plugin = ShellPlugin()
    plugin.open("127.0.0.1", "root", None, sshd.port, None, host.get_connection_parameters("shell").extras)
    plugin.close()


def test_pinning_keeps_what_is_there_even_without_a_last_newline(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"other {KIND} {BLOB}")
    append_known_host(path, "node1", 22, scan_host_key("127.0.0.1", sshd.port))
    assert path.read_text() == f"other {KIND} {BLOB}\nnode1 {sshd.host_key}\n"


def test_a_known_key_is_never_replaced_by_pinning(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"[127.0.0.1]:{sshd.port} {KIND} {BLOB}\n")
    assert list(pin(host_of(sshd, path))) == []
    assert BLOB in path.read_text()


def test_a_host_that_is_down_is_not_pinned_and_hinders_no_other(tmp_path: Path) -> None:
    host = Host("node1", hostname="127.0.0.1", port=free_port(), defaults=Defaults())
    host.connection_options["shell"] = ConnectionOptions(extras={"known_hosts": str(tmp_path / "known_hosts")})
    (line,) = pin(host)
    assert "node1: not pinned: 127.0.0.1" in line
    assert "connection refused" in line


def test_scanning_nobody_says_why() -> None:
    with pytest.raises(HostError, match="connection refused"):
        scan_host_key("127.0.0.1", free_port(), 1)


@pytest.mark.parametrize("words", ["AAAA", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-ed25519 AAAA"])
def test_a_host_key_in_the_inventory_that_is_none(sshd: Sshd, words: str) -> None:
    with pytest.raises(InputError, match="is no public key"):
        ShellPlugin().open(**sshd.options(ssh_host_key=words))
