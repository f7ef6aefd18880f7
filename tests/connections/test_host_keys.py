"""known_hosts is read as sshd(8) describes it."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.connections.ssh.host_keys import known_keys, parse_known_hosts
from moor.connections.ssh.shell import ShellPlugin
from moor.errors import InputError
from tests.harness.sshd import Sshd, keypair

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
    assert bool(parse_known_hosts(f"{names} {KIND} {BLOB} a comment\n").lines(name)) is found


def test_hashed_names_are_found(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"node1 {KIND} {BLOB}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    assert "node1" not in path.read_text()
    assert len(known_keys([path], "node1")) == 1
    assert known_keys([path], "node2") == []


def test_revoked_keys_and_authorities_are_not_accepted(tmp_path: Path) -> None:
    path, other = tmp_path / "known_hosts", keypair(tmp_path / "other")
    path.write_text(f"@revoked * {KIND} {BLOB}\nnode1 {KIND} {BLOB}\n@cert-authority * {other}\nnode1 {other}\n")
    assert [f"{key.get_name()} {key.get_base64()}" for key in known_keys([path], "node1")] == [other]


def test_lines_that_cannot_be_parsed_are_skipped(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("words", ["AAAA", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-ed25519 AAAA"])
def test_a_host_key_in_the_inventory_that_is_no_key_is_an_error(sshd: Sshd, words: str) -> None:
    with pytest.raises(InputError, match="not a public key"):
        ShellPlugin().open(**sshd.options(ssh_host_key=words))


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x85\u2028\u2029"), max_size=60))
)
def test_a_broken_line_does_not_hide_the_others(broken: list[str]) -> None:
    lines = [line for line in broken if "good.moor.test" not in line and "*" not in line and "?" not in line]
    lines += ["|1|x|y ssh-ed25519 AAAA", "host ssh-rsa !!!", "@cert-authority", "@revoked * nothing", ",,, a b"]
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIJ1+VnXYwFUnIdCJSkYVMhFLjkD7ExAtUB0K8IHFzrqF"
    for at in (0, len(lines)):
        text = "\n".join([*lines[:at], f"good.moor.test ssh-ed25519 {blob}", *lines[at:]])
        assert [line.blob for line in parse_known_hosts(text).lines("good.moor.test")] == [blob]
