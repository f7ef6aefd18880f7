"""The options of an ssh_config for one host, read by paramiko, or by ``ssh -G`` if the file has Include or Match."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from moor.errors import InputError

if TYPE_CHECKING:
    import paramiko

HostOptions = Mapping[str, "str | Sequence[str]"]
# paramiko ignores Include and knows only a part of Match; the ssh that a ProxyJump starts honours both.
NEEDS_SSH = re.compile(r"^\s*(include|match)[\s=]", re.IGNORECASE | re.MULTILINE)
HONOURED = (
    *("hostname", "port", "user", "identityfile", "identitiesonly", "userknownhostsfile", "hostkeyalias"),
    *("proxycommand", "proxyjump"),
)
LONGEST = 300  # characters of a message of ssh's or paramiko's
SSH_G_S = 20  # the bound of ``ssh -G``: a Match may run a command


def is_read_by_ssh(path: Path) -> bool:
    """Return whether the ssh_config at ``path`` is read by ``ssh -G``, which takes its time; False if it is missing."""
    path = path.expanduser()
    try:
        return bool(NEEDS_SSH.search(_text(path, path.stat().st_mtime_ns)))
    except (OSError, UnicodeDecodeError):
        return False


def options_of_host(path: Path, host: str, username: str = "") -> HostOptions:
    """Return the options of the ssh_config at ``path`` for a host; none if there is no such file.

    Args:
        path: an ssh_config.
        host: the hostname in the inventory.
        username: the one of the inventory, which a Match may refer to.

    Raises:
        InputError: the file cannot be read or parsed.
    """
    path = path.expanduser()
    if not path.exists():
        return {}
    import paramiko  # imported here, since most sites have no ssh_config

    try:
        version = path.stat().st_mtime_ns
        if NEEDS_SSH.search(_text(path, version)):
            return _by_ssh(path, version, host, username)
        return _parsed(path, version).lookup(host)
    except (OSError, UnicodeDecodeError, paramiko.SSHException) as error:
        words = str(error)  # it may quote a line of any length
        words = words if len(words) <= LONGEST else f"{words[:LONGEST]} ..."
        raise InputError(f"{path}: {words}; mend it, or name another in ssh.config_file") from error


@lru_cache(maxsize=8)
def _text(path: Path, mtime_ns: int) -> str:
    return path.read_text()


@lru_cache(maxsize=8)
def _parsed(path: Path, mtime_ns: int) -> paramiko.SSHConfig:
    import paramiko

    return paramiko.SSHConfig.from_path(path)


@lru_cache(maxsize=8192)
def _by_ssh(path: Path, mtime_ns: int, host: str, username: str) -> HostOptions:
    """Read the options by ssh, then have paramiko expand their tokens such as %h."""
    import paramiko

    defaults = {**_run_ssh_g(Path("/dev/null"), "host", username)}
    options = _run_ssh_g(path, host, username)
    defaults["hostname"] = [host.lower()]
    own = {key: options[key] for key in HONOURED if key in options and options[key] != defaults.get(key)}
    lines = "".join(f"  {key} {value}\n" for key, values in own.items() for value in values)
    return paramiko.SSHConfig.from_text(f"Host *\n{lines}").lookup(host)


@lru_cache(maxsize=8192)
def _run_ssh_g(path: Path, host: str, username: str) -> dict[str, list[str]]:
    """Have ssh print the options that it would use.

    Raises:
        InputError: ssh is not installed, does not end, or refuses the file.

    References:
        ssh(1), -G
    """
    command = ["ssh", "-G", "-F", str(path), *(["-l", username] if username else []), "--", host]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=SSH_G_S, check=False)
    except FileNotFoundError:
        raise InputError(
            f"{path}: its Include and Match are read by ssh, which is not installed here; install openssh-client"
        ) from None
    except subprocess.TimeoutExpired:
        raise InputError(f"{path}: ssh does not come to an end reading it; does a Match run a command?") from None
    if done.returncode:
        printed = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
        raise InputError(f"{path}: ssh does not take it: {printed}; mend it, or name another in ssh.config_file")
    options = defaultdict[str, list[str]](list)
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(" ")
        options[key].append(value)
    return options
