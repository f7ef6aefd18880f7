"""Where a connection goes and by which way: the inventory's words completed by ssh_config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import join

from moor.connections.ssh.host_keys import SYSTEM, name_of
from moor.connections.ssh.ssh_config import Found, looked_up

# ssh_config may say otherwise; what is said first counts, and that is the command line.
STRICT = ("BatchMode=yes", "StrictHostKeyChecking=yes", "NoHostAuthenticationForLocalhost=no")


@dataclass(frozen=True)
class Destination:
    """What ssh_config makes of a host's name; what the inventory says outright is not asked of it.

    Attributes:
        called: the name that was looked up
        alias: HostKeyAlias: what known_hosts calls it
        jumps: the jump hosts on the way, the first one first
        proxy: the command that carries the connection, or nothing
    """

    called: str
    hostname: str
    port: int
    username: str | None = None
    identities: tuple[Path, ...] = ()
    identities_only: bool = False
    known_hosts: tuple[Path, ...] = SYSTEM
    alias: str = ""
    jumps: tuple[Destination, ...] = ()
    proxy: str = ""

    @property
    def key_name(self) -> str:
        """Return the name by which its key is known."""
        return self.alias or name_of(self.hostname, self.port)


@dataclass(frozen=True)
class SSHFiles:
    """Where to look things up: an ssh_config, and the site's known_hosts, which counts for jump hosts too."""

    config: str | None
    known_hosts: str


def find(host: str, port: int, username: str, config_file: str | None, known_hosts: str = "") -> Destination:
    """Look ``host`` up in ``config_file``; a port of 22 and an empty username count as not given. Raises InputError.

    Args:
        known_hosts: the site's, which then counts for jump hosts too
    """
    return _find(host, port, username, SSHFiles(config_file, known_hosts))


def _find(
    host: str, port: int, username: str, files: SSHFiles,
    via: tuple[Destination, ...] = (), passed: frozenset[str] = frozenset(),
) -> Destination:  # fmt: skip
    found = looked_up(Path(files.config), host, username) if files.config else {}
    real_port = int(_word(found, "port") or port) if port == 22 else port
    hostname = _word(found, "hostname") or host
    command = "" if via else _word(found, "proxycommand")
    jumps = via or (() if command else _jumps(_word(found, "proxyjump"), files, passed | {host}))
    named = tuple(Path(word) for word in _word(found, "userknownhostsfile").split())
    return Destination(
        called=host,
        hostname=hostname,
        port=real_port,
        username=username or _word(found, "user") or None,
        identities=tuple(Path(path) for path in _listed(found, "identityfile")),
        identities_only=_word(found, "identitiesonly") == "yes",
        known_hosts=(*named, SYSTEM[1]) if named else SYSTEM,
        alias=_word(found, "hostkeyalias"),
        jumps=jumps,
        proxy=command or (_through(jumps[-1], hostname, real_port, files) if jumps else ""),
    )


def _word(found: Found, key: str) -> str:
    """Return one word that ssh_config says; a command of ``none`` is kept as None there."""
    return str(found.get(key) or "")


def _listed(found: Found, key: str) -> Sequence[str]:
    value = found.get(key, ())
    return [value] if isinstance(value, str) else value


def _jumps(words: str, files: SSHFiles, passed: frozenset[str]) -> tuple[Destination, ...]:
    """Find the jump hosts that ProxyJump names; the first may itself be behind others."""
    if not words or words.lower() == "none":
        return ()
    hops = [_parted(word.strip()) for word in words.split(",")]
    if passed & {name for _, name, _ in hops}:
        return ()  # such as ``Host *``, which is meant for what lies behind the jump host
    user, name, port = hops[0]
    first = _find(name, port, user, files, passed=passed)
    ways = [*first.jumps, first]
    for user, name, port in hops[1:]:
        ways.append(_find(name, port, user, files, tuple(ways)))
    return tuple(ways)


def _parted(word: str) -> tuple[str, str, int]:
    """Part ``[user@]host[:port]`` into user, host and port."""
    user, _, place = word.removeprefix("ssh://").rpartition("@")
    name, colon, port = place.rpartition(":")
    if not colon or not port.isdigit() or (":" in name and not name.endswith("]")):
        name, port = place, "22"
    return user, name.strip("[]"), int(port)


def _through(jump: Destination, hostname: str, port: int, files: SSHFiles) -> str:
    """Return the ssh command that carries a connection from a jump host on: it never asks and takes no unknown key."""
    options = [*STRICT, f"ProxyCommand={jump.proxy.replace('%', '%%')}" if jump.proxy else "ProxyJump=none"]
    if files.known_hosts:
        path = str(Path(files.known_hosts).expanduser())
        options.append('UserKnownHostsFile="{}"'.format(path.replace("%", "%%")))
    words = ["ssh", "-F", str(Path(files.config or "").expanduser()), *(w for o in options for w in ("-o", o))]
    words += ["-l", jump.username] if jump.username else []
    target = f"[{hostname}]:{port}" if ":" in hostname else f"{hostname}:{port}"
    return join([*words, "-p", str(jump.port), "-W", target, "--", jump.called])
