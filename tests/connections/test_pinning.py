"""The keys of new hosts and jump hosts are shown first, and pinned only on request."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from nornir.core.configuration import Config, SSHConfig
from nornir.core.inventory import ConnectionOptions, Defaults, Host

from moor.connections.ssh.destination import find_destination
from moor.connections.ssh.pinning import KeyScan, append_known_host, key_scan_of, pin_new_keys, scan_host_key
from moor.connections.ssh.shell import ShellPlugin
from moor.errors import HostError
from tests.harness.servers import free_port
from tests.harness.sshd import Sshd

KIND, BLOB = "ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIHVEpPMSYfsrvLtAvLTp7Ss1vpZYd17oMDYQ0R4sLxZb"


def host_at(port: int, known_hosts: Path | None, hostname: str = "127.0.0.1", key: Path | None = None) -> Host:
    extras = {"known_hosts": known_hosts and str(known_hosts), "key_file": key and str(key), "conn_timeout": 5}
    options = {"shell": ConnectionOptions(extras={name: value for name, value in extras.items() if value})}
    return Host("node1", hostname=hostname, port=port, username="root", connection_options=options, defaults=Defaults())


def pinned(*doors: KeyScan, answer: bool = True) -> tuple[list[str], list[str]]:
    """Pin the keys; return what was reported and what was asked."""
    told: list[str] = []
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return answer

    pin_new_keys(doors, confirm, told.append)
    return told, asked


def fingerprint(sshd: Sshd) -> str:
    """Return the fingerprint as ssh-keygen shows it."""
    argv = ["ssh-keygen", "-lf", str(sshd.directory / "host_key.pub")]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()[1]


def test_pinning_a_new_host_shows_its_fingerprint_once_and_lets_us_in(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "site" / "known_hosts"
    host = host_at(sshd.port, path, key=sshd.key)
    told, asked = pinned(key_scan_of(host, None))
    assert told == [
        f"node1: shows ssh-ed25519 {fingerprint(sshd)} for [127.0.0.1]:{sshd.port}",
        f"node1: pinned in {path}",
    ]
    assert asked == ["Pin this key?"]
    assert path.read_text() == f"[127.0.0.1]:{sshd.port} {sshd.host_key}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert pinned(key_scan_of(host, None)) == ([], [])
    plugin = ShellPlugin()
    plugin.open("127.0.0.1", "root", None, sshd.port, None, host.get_connection_parameters("shell").extras)
    plugin.close()


def test_nothing_is_pinned_if_the_user_says_no(sshd: Sshd, tmp_path: Path) -> None:
    told, _ = pinned(key_scan_of(host_at(sshd.port, tmp_path / "known_hosts"), None), answer=False)
    assert told[-1] == "nothing pinned"
    assert not (tmp_path / "known_hosts").exists()


def test_pinning_keeps_other_lines_even_without_a_last_newline(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"other {KIND} {BLOB}")
    append_known_host(path, "node1", scan_host_key(find_destination("127.0.0.1", sshd.port, "", None)))
    assert path.read_text() == f"other {KIND} {BLOB}\nnode1 {sshd.host_key}\n"


def test_a_known_key_is_never_replaced_by_pinning(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"[127.0.0.1]:{sshd.port} {KIND} {BLOB}\n")
    assert pinned(key_scan_of(host_at(sshd.port, path), None)) == ([], [])
    assert path.read_text() == f"[127.0.0.1]:{sshd.port} {KIND} {BLOB}\n"


def test_a_revoked_key_is_not_pinned(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"@revoked * {sshd.host_key}\n")
    told, asked = pinned(key_scan_of(host_at(sshd.port, path), None))
    assert "is revoked in known_hosts" in told[0]
    assert asked == []


def test_a_host_that_is_down_is_not_pinned_but_the_others_are(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    down, up = (key_scan_of(host_at(port, path), None) for port in (free_port(), sshd.port))
    told, _ = pinned(down, up)
    assert "node1: not pinned: 127.0.0.1" in told[0]
    assert "connection refused" in told[0]
    assert told[-1] == f"node1: pinned in {path}"


@pytest.mark.usefixtures("backend")
def test_a_changed_key_is_refused_with_both_fingerprints_and_the_remedy(sshd: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"[127.0.0.1]:{sshd.port} {KIND} {BLOB}\n")
    with pytest.raises(HostError, match="the host key CHANGED") as refused:
        ShellPlugin().open(**sshd.options(known_hosts=str(path)))
    old = subprocess.run(["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True).stdout.split()[1]
    for words in (f"shows ssh-ed25519 {fingerprint(sshd)}", f"known is ssh-ed25519 {old}", "ssh-keygen -R"):
        assert words in str(refused.value)
    subprocess.run(["ssh-keygen", "-R", f"[127.0.0.1]:{sshd.port}", "-f", str(path)], check=True, capture_output=True)
    assert pinned(key_scan_of(host_at(sshd.port, path), None))[1] == ["Pin this key?"]


def test_the_scan_of_a_port_without_a_listener_is_an_error() -> None:
    with pytest.raises(HostError, match="connection refused"):
        scan_host_key(find_destination("127.0.0.1", free_port(), "", None), 1)


@pytest.fixture
def chain(sshd: Sshd, tmp_path: Path) -> Iterator[tuple[Path, list[Sshd]]]:
    """Yield an ssh_config by which node1 is behind two jump hosts, and the three sshds of that way."""
    with Sshd(tmp_path / "second") as second, Sshd(tmp_path / "inner") as inner:
        places = {"first": sshd, "second": second, "node1": inner}
        blocks = [
            f"Host {name}\n HostName 127.0.0.1\n Port {at.port}\n User root\n IdentityFile {at.key}\n"
            for name, at in places.items()
        ]
        path = tmp_path / "ssh_config"
        lax = "Host *\n IdentitiesOnly yes\n StrictHostKeyChecking no\n"  # which moor ignores
        path.write_text("".join([*blocks, "Host node1\n ProxyJump first,second\n", lax]))
        yield path, [sshd, second, inner]


def said(config: Path, known_hosts: Path, key: Path) -> bytes:
    plugin = ShellPlugin()
    extras = {"known_hosts": str(known_hosts), "key_file": str(key), "conn_timeout": 5}
    plugin.open("node1", "root", None, 22, None, extras, Config(ssh=SSHConfig(config_file=str(config))))
    try:
        return plugin.connection.run("echo inside", 30).stdout
    finally:
        plugin.close()


def test_the_keys_of_all_jump_hosts_on_the_way_are_shown_and_pinned(
    chain: tuple[Path, list[Sshd]], tmp_path: Path
) -> None:
    config, way = chain
    path = tmp_path / "known_hosts"
    told, asked = pinned(key_scan_of(host_at(22, path, "node1"), str(config)))
    names = ["jump host first", "jump host second", "node1"]
    shows = [line for line in told if "shows" in line]
    assert shows == [
        f"{name}: shows ssh-ed25519 {fingerprint(at)} for [127.0.0.1]:{at.port}"
        for name, at in zip(names, way, strict=True)
    ]
    assert len(asked) == 3
    assert said(config, path, way[2].key) == b"inside\n"


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("unknown", [0, 1, 2], ids=["first jump host", "second jump host", "the host itself"])
def test_an_unknown_key_anywhere_on_the_way_is_refused_despite_ssh_config(
    chain: tuple[Path, list[Sshd]], tmp_path: Path, unknown: int
) -> None:
    config, way = chain
    path = tmp_path / "known_hosts"
    path.write_text("".join(at.known_hosts.read_text() for at in way if at is not way[unknown]))
    before = path.read_text()
    with pytest.raises(HostError, match=r"Host key verification failed|unknown host key"):
        said(config, path, way[2].key)
    assert path.read_text() == before
    told, asked = pinned(key_scan_of(host_at(22, path, "node1"), str(config)), answer=False)
    assert [told[-1], len(asked)] == ["nothing pinned", 1]
    assert path.read_text() == before


def test_a_key_is_pinned_under_the_name_that_ssh_config_gives(sshd: Sshd, tmp_path: Path) -> None:
    config, path = tmp_path / "ssh_config", tmp_path / "known_hosts"
    config.write_text(f"Host node1\n HostName 127.0.0.1\n Port {sshd.port}\n HostKeyAlias the-node\n")
    pinned(key_scan_of(host_at(22, path, "node1"), str(config)))
    assert path.read_text() == f"the-node {sshd.host_key}\n"
    assert said(config, path, sshd.key) == b"inside\n"
