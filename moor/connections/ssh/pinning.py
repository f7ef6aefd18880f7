"""Pinning of the keys of new hosts, and of the jump hosts on the way to them, when the user asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import paramiko
from nornir.core.inventory import ConnectionOptions, Host

from moor.connections.names import connection_of
from moor.connections.ssh.destination import Destination, find_destination
from moor.connections.ssh.failures import explain
from moor.connections.ssh.host_keys import accepted_keys, is_revoked
from moor.connections.ssh.host_socket import host_socket_steps
from moor.connections.ssh.steps import finish
from moor.errors import ErrorKind, HostError
from moor.secrets import private_files

AT_ONCE = 20  # hosts that are scanned in parallel; a host that is down takes the whole SCAN_S
SCAN_S = 10.0


@dataclass(frozen=True)
class KeyScan:
    """A scan of the key of a host or jump host, and where to pin it.

    Attributes:
        called: the host's name in messages.
        where: the host's address, and the way to it.
        site: path of the site's known_hosts; if set, no other known_hosts is read.
        pins: the keys that the inventory lists; if set, they are used instead of any known_hosts.
    """

    called: str
    where: Destination
    site: str = ""
    pins: str | tuple[str, ...] = ""
    bound_s: float = SCAN_S

    @property
    def name(self) -> str:
        """Return the host's name in known_hosts."""
        return self.where.key_name

    @property
    def file(self) -> Path:
        """Return the known_hosts in which a new key is pinned."""
        return Path(self.site or self.where.known_hosts[0]).expanduser()

    def is_known(self) -> bool:
        """Return whether a key of the host is known."""
        extras = {"ssh_host_key": self.pins, "known_hosts": self.site}
        return bool(accepted_keys(extras, self.name, self.where.known_hosts))

    def with_jump_hosts(self) -> Iterator[KeyScan]:
        """Yield the scans of the jump hosts on the way, the nearest first, and then this one."""
        for jump in self.where.jumps:
            yield KeyScan(f"jump host {jump.called}", jump, self.site, bound_s=self.bound_s)
        yield self

    def scan(self) -> paramiko.PKey:
        """Return the key that the host shows, reached as a connection would be; raises HostError."""
        key = scan_host_key(self.where, self.bound_s)
        if is_revoked([self.file, *self.where.known_hosts], self.name, key):
            raise HostError(
                f"{key.get_name()} {key.fingerprint} is revoked in known_hosts; somebody else may have it",
                ErrorKind.HOST_KEY,
            )
        return key

    def pin(self, key: paramiko.PKey) -> None:
        """Add the key to known_hosts."""
        append_known_host(self.file, self.name, key)


def key_scan_of(host: Host, config_file: str | None) -> KeyScan:
    """Return the key scan of a host; raises InputError if its ssh_config cannot be read.

    Args:
        config_file: the site's ssh_config; one in the host's extras takes its place.
    """
    return key_scan(host.name, host.get_connection_parameters(connection_of(host)), config_file)


def key_scan(called: str, options: ConnectionOptions, config_file: str | None) -> KeyScan:
    """Return the key scan of what the options of a connection reach, as ``key_scan_of`` does.

    Args:
        called: the host's name in messages, and its address where the options have none.
    """
    extras = options.extras or {}
    site, config = extras.get("known_hosts") or "", extras.get("ssh_config_file") or config_file
    where = find_destination(options.hostname or called, options.port or 22, options.username or "", config, site)
    return KeyScan(called, where, site, _pins(extras), extras.get("conn_timeout", SCAN_S))


def _pins(extras: dict[str, Any]) -> str | tuple[str, ...]:
    pins = extras.get("ssh_host_key") or ""
    return pins if isinstance(pins, str) else tuple(pins)


def scan_host_key(where: Destination, timeout_s: float = SCAN_S) -> paramiko.PKey:
    """Return the key that a host shows in the handshake, without a login; raises HostError."""
    sock = None
    try:
        with (
            closing(finish(host_socket_steps(where, timeout_s))) as sock,
            closing(paramiko.Transport(sock)) as transport,
        ):
            transport.banner_timeout = timeout_s
            transport.start_client(timeout=timeout_s)
            return transport.get_remote_server_key()
    except (OSError, EOFError, UnicodeError, paramiko.SSHException) as error:
        printed = sock.proxy_errors() if sock else ""
        cause = paramiko.ProxyCommandFailure("", printed) if printed else error
        raise explain(cause, f"{where.hostname}:{where.port}") from error


def append_known_host(path: Path, name: str, key: paramiko.PKey) -> None:
    """Append a key to the known_hosts at ``path``; if it is missing, it is created with mode 0600."""
    private_files.make_missing(path.parent)
    path.touch(mode=0o600)
    text = path.read_bytes()
    gap = b"\n" if text and not text.endswith(b"\n") else b""
    with path.open("ab") as file:
        # one write, so that the lines of two runs at the same time do not mix
        file.write(gap + f"{name} {key.get_name()} {key.get_base64()}\n".encode())


def pin_new_keys(scans: Iterable[KeyScan], confirm: Callable[[str], bool], report: Callable[[str], None]) -> None:
    """Pin the keys that unknown hosts show, jump hosts before the hosts behind them.

    Args:
        confirm: returns the user's answer to a question, asked once for all hosts behind equally many jump hosts.
        report: is called with a line for each key that is shown, pinned or not pinned.
    """
    unknown = {(scan.file, scan.name): scan for one in scans for scan in one.with_jump_hosts() if not scan.is_known()}
    ordered = sorted(unknown.values(), key=_distance)
    for _, batch in groupby(ordered, key=_distance):
        _pin_batch(list(batch), confirm, report)


def _distance(scan: KeyScan) -> int:
    return len(scan.where.jumps)


def _pin_batch(scans: list[KeyScan], confirm: Callable[[str], bool], report: Callable[[str], None]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = dict(zip(scans, pool.map(_scan_or_error, scans), strict=True))
    keys = {scan: key for scan, key in results.items() if not isinstance(key, HostError)}
    for scan, result in results.items():
        words = f"{describe_key(keys[scan])} for {scan.name}" if scan in keys else f"not pinned: {result}"
        report(f"{scan.called}: {words}")
    if keys and not confirm(f"Pin {'this key' if len(keys) == 1 else f'these {len(keys)} keys'}?"):
        report("nothing pinned")
        return
    for scan, key in keys.items():
        scan.pin(key)
        report(f"{scan.called}: pinned in {scan.file}")


def _scan_or_error(scan: KeyScan) -> paramiko.PKey | HostError:
    try:
        return scan.scan()
    except HostError as error:
        return error


def describe_key(key: paramiko.PKey) -> str:
    """Describe a key that a host shows, by kind and fingerprint."""
    return f"shows {key.get_name()} {key.fingerprint}"
