"""Pinning the key of a host, and of the jump hosts on the way to it, on request alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import paramiko
from nornir.core.inventory import Host

from moor.connections.names import connection_of
from moor.connections.ssh.destination import Destination, find
from moor.connections.ssh.failures import explain
from moor.connections.ssh.host_keys import is_revoked, known_of
from moor.connections.ssh.link import open_link
from moor.errors import ErrorKind, HostError
from moor.secrets import private_files

AT_ONCE = 20  # hosts that are asked for their key; one that is down takes its whole bound
SCAN_S = 10.0


@dataclass(frozen=True)
class KeyScan:
    """Where a host, or a jump host, shows its key.

    Attributes:
        site: path of the site's known_hosts, which then counts alone
        pins: what the inventory says itself, which counts before all else
    """

    called: str
    where: Destination
    site: str = ""
    pins: str | tuple[str, ...] = ""
    bound_s: float = SCAN_S

    @property
    def name(self) -> str:
        """Return what known_hosts calls it."""
        return self.where.key_name

    @property
    def file(self) -> Path:
        """Return where a new key of it is pinned."""
        return Path(self.site or self.where.known_hosts[0]).expanduser()

    def is_known(self) -> bool:
        """Return whether a key of it is pinned."""
        extras = {"ssh_host_key": self.pins, "known_hosts": self.site}
        return bool(known_of(extras, self.name, self.where.known_hosts))

    def way(self) -> Iterator[KeyScan]:
        """Yield the jump hosts in front of it, the first one first, and then itself."""
        for jump in self.where.jumps:
            yield KeyScan(f"jump host {jump.called}", jump, self.site, bound_s=self.bound_s)
        yield self

    def shown(self) -> paramiko.PKey:
        """Ask it for its key, by the way that a connection takes; raises HostError."""
        key = scan_host_key(self.where, self.bound_s)
        if is_revoked([self.file, *self.where.known_hosts], self.name, key):
            raise HostError(
                f"{key.get_name()} {key.fingerprint} is revoked in known_hosts; somebody else may have it",
                ErrorKind.HOST_KEY,
            )
        return key

    def pin(self, key: paramiko.PKey) -> None:
        """Write the key down."""
        append_known_host(self.file, self.name, key)


def door_of(host: Host, config_file: str | None) -> KeyScan:
    """Return where ``host`` shows its key; raises InputError for an ssh_config that makes no sense.

    Args:
        config_file: an ssh_config, unless the host has one of its own
    """
    options = host.get_connection_parameters(connection_of(host))
    extras = options.extras or {}
    site, config = extras.get("known_hosts") or "", extras.get("ssh_config_file") or config_file
    where = find(options.hostname or host.name, options.port or 22, options.username or "", config, site)
    return KeyScan(host.name, where, site, _pins(extras), extras.get("conn_timeout", SCAN_S))


def _pins(extras: dict[str, Any]) -> str | tuple[str, ...]:
    pins = extras.get("ssh_host_key") or ""
    return pins if isinstance(pins, str) else tuple(pins)


def scan_host_key(where: Destination, timeout_s: float = SCAN_S) -> paramiko.PKey:
    """Ask a host for its key, without logging in to it; raises HostError."""
    link = None
    try:
        with closing(open_link(where, timeout_s)) as link, closing(paramiko.Transport(link)) as seen:
            seen.banner_timeout = timeout_s
            seen.start_client(timeout=timeout_s)
            return seen.get_remote_server_key()
    except (OSError, EOFError, UnicodeError, paramiko.SSHException) as error:
        words = link.last_words() if link else ""
        cause = paramiko.ProxyCommandFailure("", words) if words else error
        raise explain(cause, f"{where.hostname}:{where.port}") from error


def append_known_host(path: Path, name: str, key: paramiko.PKey) -> None:
    """Add one line to ``path``, which is made with mode 0600 where it is missing; what it holds is kept."""
    private_files.make_missing(path.parent)
    path.touch(mode=0o600)
    text = path.read_bytes()
    gap = b"\n" if text and not text.endswith(b"\n") else b""
    with path.open("ab") as file:
        # one write, so that two at once do not mix their lines
        file.write(gap + f"{name} {key.get_name()} {key.get_base64()}\n".encode())


def pin_new(doors: Iterable[KeyScan], confirm: Callable[[str], bool], told: Callable[[str], None]) -> None:
    """Pin the keys that unknown hosts show, jump hosts first; tells what is shown, what was pinned and what was not.

    Args:
        confirm: is asked before anything is pinned, once for all that are equally far away
    """
    unknown = {(door.file, door.name): door for one in doors for door in one.way() if not door.is_known()}
    far = sorted(unknown.values(), key=_distance)
    for _, batch in groupby(far, key=_distance):
        _pin_batch(list(batch), confirm, told)


def _distance(door: KeyScan) -> int:
    return len(door.where.jumps)


def _pin_batch(doors: list[KeyScan], confirm: Callable[[str], bool], told: Callable[[str], None]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(doors, pool.map(_answer, doors), strict=True))
    keys = {door: key for door, key in answers.items() if not isinstance(key, HostError)}
    for door, answer in answers.items():
        words = f"{shown(keys[door])} for {door.name}" if door in keys else f"not pinned: {answer}"
        told(f"{door.called}: {words}")
    if keys and not confirm(f"Pin {'this key' if len(keys) == 1 else f'these {len(keys)} keys'}?"):
        told("nothing pinned")
        return
    for door, key in keys.items():
        door.pin(key)
        told(f"{door.called}: pinned in {door.file}")


def _answer(door: KeyScan) -> paramiko.PKey | HostError:
    try:
        return door.shown()
    except HostError as error:
        return error


def shown(key: paramiko.PKey) -> str:
    """Return which key is shown, as ``ssh-keygen -l`` does."""
    return f"shows {key.get_name()} {key.fingerprint}"
