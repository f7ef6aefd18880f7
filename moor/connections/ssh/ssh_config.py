"""What an ssh_config says of one host: read by paramiko, or by ssh itself where the file needs ssh's own rules."""

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

Found = Mapping[str, "str | Sequence[str]"]
# paramiko reads no Include, and of Match not all; the ssh that ProxyJump starts reads both.
SSHS_OWN = re.compile(r"^\s*(include|match)[\s=]", re.IGNORECASE | re.MULTILINE)
HONOURED = (
    *("hostname", "port", "user", "identityfile", "identitiesonly", "userknownhostsfile", "hostkeyalias"),
    *("proxycommand", "proxyjump"),
)
ASK_S = 20  # a Match may run a command


def looked_up(path: Path, host: str, username: str = "") -> Found:
    """Return the options that the file at ``path`` has for a host; none if there is no such file.

    Args:
        path: an ssh_config.
        host: as the inventory calls it.
        username: the inventory's, which a Match block may test.

    Raises:
        InputError: the file cannot be read or parsed.
    """
    path = path.expanduser()
    if not path.exists():
        return {}
    import paramiko  # for ssh_config alone: most sites have none

    try:
        version = path.stat().st_mtime_ns
        if SSHS_OWN.search(_text(path, version)):
            return _by_ssh(path, version, host, username)
        return _parsed(path, version).lookup(host)
    except (OSError, UnicodeDecodeError, paramiko.SSHException) as error:
        raise InputError(f"{path}: {error}; mend it, or name another in ssh.config_file") from error


@lru_cache(maxsize=8)
def _text(path: Path, mtime_ns: int) -> str:
    return path.read_text()


@lru_cache(maxsize=8)
def _parsed(path: Path, mtime_ns: int) -> paramiko.SSHConfig:
    import paramiko

    return paramiko.SSHConfig.from_path(path)


@lru_cache(maxsize=8192)
def _by_ssh(path: Path, mtime_ns: int, host: str, username: str) -> Found:
    """Ask ssh, then have paramiko put in what stands for host, port and user."""
    import paramiko

    usual = {**_asked(Path("/dev/null"), "host", username)}
    said = _asked(path, host, username)
    usual["hostname"] = [host.lower()]
    words = {key: said[key] for key in HONOURED if key in said and said[key] != usual.get(key)}
    lines = "".join(f"  {key} {value}\n" for key, values in words.items() for value in values)
    return paramiko.SSHConfig.from_text(f"Host *\n{lines}").lookup(host)


@lru_cache(maxsize=8192)
def _asked(path: Path, host: str, username: str) -> dict[str, list[str]]:
    """Have ssh say what it would go by; raises InputError. Source: ssh(1), -G."""
    command = ["ssh", "-G", "-F", str(path), *(["-l", username] if username else []), "--", host]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=ASK_S, check=False)
    except FileNotFoundError:
        raise InputError(
            f"{path}: its Include and Match are read by ssh, which is not installed here; install openssh-client"
        ) from None
    except subprocess.TimeoutExpired:
        raise InputError(f"{path}: ssh does not come to an end reading it; does a Match run a command?") from None
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:300]
        raise InputError(f"{path}: ssh does not take it: {said}; mend it, or name another in ssh.config_file")
    found = defaultdict[str, list[str]](list)
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(" ")
        found[key].append(value)
    return found
