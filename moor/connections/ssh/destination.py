"""The destination of a connection: the inventory's parameters, completed by ssh_config, with its jump hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import join

from moor.connections.ssh.host_keys import SYSTEM, known_hosts_name
from moor.connections.ssh.in_thread import CALLS, in_thread
from moor.connections.ssh.ssh_config import HostOptions, is_read_by_ssh, options_of_host
from moor.connections.ssh.steps import Steps

# On the command line, which counts before ssh_config.
STRICT = ("BatchMode=yes", "StrictHostKeyChecking=yes", "NoHostAuthenticationForLocalhost=no")


@dataclass(frozen=True)
class SSHFiles:
    """The files of a site: its ssh_config, and its known_hosts, which counts for jump hosts too."""

    config: str | None = None
    known_hosts: str = ""


@dataclass(frozen=True)
class Destination:
    """A host, or a jump host, with everything that a connection to it needs; the inventory wins over ssh_config.

    Attributes:
        called: the name that was looked up in ssh_config.
        alias: its HostKeyAlias, by which known_hosts lists it.
        jumps: the jump hosts on the way, the nearest to this machine first.
        proxy: the command that carries the connection, ``ssh -W`` if there are jump hosts; empty for a direct one.
        files: what an ssh that logs in there has to read.
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
    files: SSHFiles = SSHFiles()

    @property
    def key_name(self) -> str:
        """Return the name by which known_hosts lists its keys."""
        return self.alias or known_hosts_name(self.hostname, self.port)


def destination_steps(
    host: str, port: int, username: str, config_file: str | None, known_hosts: str = ""
) -> Steps[Destination]:
    """Do the same as ``find_destination``; where ssh has to be run for that, a thread waits for it."""
    look_up = partial(find_destination, host, port, username, config_file, known_hosts)
    if config_file and is_read_by_ssh(Path(config_file)):
        return (yield from in_thread(CALLS, look_up))
    return look_up()


def find_destination(
    host: str, port: int, username: str, config_file: str | None, known_hosts: str = ""
) -> Destination:
    """Complete a host's parameters by ssh_config; raises InputError.

    Args:
        host: the hostname in the inventory.
        port: 22 leaves the port to ssh_config.
        username: an empty one leaves it to ssh_config.
        config_file: an ssh_config, or None.
        known_hosts: the site's, which then counts for jump hosts too.
    """
    return _find(host, port, username, SSHFiles(config_file, known_hosts))


def _find(
    host: str, port: int, username: str, files: SSHFiles,
    via: tuple[Destination, ...] = (), passed: frozenset[str] = frozenset(),
) -> Destination:  # fmt: skip
    found = options_of_host(Path(files.config), host, username) if files.config else {}
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
        identities=tuple(Path(path) for path in _values(found, "identityfile")),
        identities_only=_word(found, "identitiesonly") == "yes",
        known_hosts=(*named, SYSTEM[1]) if named else SYSTEM,
        alias=_word(found, "hostkeyalias"),
        jumps=jumps,
        proxy=command or (words_through(jumps[-1], hostname, real_port) if jumps else ""),
        files=files,
    )


def _word(options: HostOptions, key: str) -> str:
    """Return the value of an option that is not a list; empty if it is missing, or ``none``, which is None there."""
    return str(options.get(key) or "")


def _values(options: HostOptions, key: str) -> Sequence[str]:
    value = options.get(key, ())
    return [value] if isinstance(value, str) else value


def _jumps(words: str, files: SSHFiles, passed: frozenset[str]) -> tuple[Destination, ...]:
    """Find the jump hosts of a ProxyJump; the first may itself be behind others."""
    if not words or words.lower() == "none":
        return ()
    hops = [_parse_hop(word.strip()) for word in words.split(",")]
    if passed & {name for _, name, _ in hops}:
        return ()  # a loop, as ``Host *`` makes: it is meant for the hosts behind the jump host, not for itself
    user, name, port = hops[0]
    first = _find(name, port, user, files, passed=passed)
    jumps = [*first.jumps, first]
    for user, name, port in hops[1:]:
        jumps.append(_find(name, port, user, files, tuple(jumps)))
    return tuple(jumps)


def _parse_hop(word: str) -> tuple[str, str, int]:
    """Split ``[user@]host[:port]`` into user, host and port."""
    user, _, place = word.removeprefix("ssh://").rpartition("@")
    name, colon, port = place.rpartition(":")
    if not colon or not port.isdigit() or (":" in name and not name.endswith("]")):
        name, port = place, "22"
    return user, name.strip("[]"), int(port)


def login_words(jump: Destination, proxy: str, *options: str) -> list[str]:
    """Return the ssh command for a login at a jump host, without questions, with strict keys; its name is missing yet.

    Args:
        proxy: the ProxyCommand on the way there; empty for none.
        options: further ones, as ssh_config has them; they count before those of the user's ssh_config.
    """
    given = [*STRICT, f"ProxyCommand={proxy.replace('%', '%%')}" if proxy else "ProxyJump=none", *options]
    if jump.files.known_hosts:
        path = str(Path(jump.files.known_hosts).expanduser())
        given.append('UserKnownHostsFile="{}"'.format(path.replace("%", "%%")))
    words = ["ssh", "-F", str(Path(jump.files.config or "").expanduser()), *(w for o in given for w in ("-o", o))]
    return [*words, *(["-l", jump.username] if jump.username else []), "-p", str(jump.port)]


def words_through(jump: Destination, hostname: str, port: int, *options: str) -> str:
    """Return the ssh command line that carries one connection through a jump host."""
    target = f"[{hostname}]:{port}" if ":" in hostname else f"{hostname}:{port}"
    return join([*login_words(jump, jump.proxy, *options), "-W", target, "--", jump.called])
