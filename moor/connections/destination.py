"""Where a connection goes and by which way: the inventory's words completed by ssh_config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from shlex import join

import paramiko

from moor.connections.hostkeys import SYSTEM
from moor.errors import InputError


@dataclass(frozen=True)
class Destination:
    """What ssh_config makes of a host's name; what the inventory says outright is not asked of it.

    proxy  the command that carries the connection, or nothing
    """

    hostname: str
    port: int
    username: str | None = None
    identities: tuple[Path, ...] = ()
    identities_only: bool = False
    known_hosts: tuple[Path, ...] = SYSTEM
    proxy: str = ""


def find(host: str, port: int, username: str, config_file: str | None, known_hosts: str = "") -> Destination:
    """Look ``host`` up in ``config_file``; a port of 22 and an empty username count as not given. Raises InputError.

    known_hosts  the site's, which then counts for jump hosts too
    """
    found = _lookup(Path(config_file), host) if config_file else {}
    real_port = int(found.get("port", port)) if port == 22 else port
    hostname = found.get("hostname", host)
    jump = _jump(found.get("proxyjump", ""), hostname, real_port, config_file, known_hosts)
    files = tuple(Path(word) for word in found.get("userknownhostsfile", "").split())
    return Destination(
        hostname=hostname,
        port=real_port,
        username=username or found.get("user"),
        identities=tuple(Path(path) for path in _listed(found, "identityfile")),
        identities_only=found.get("identitiesonly") == "yes",
        known_hosts=(*files, SYSTEM[1]) if files else SYSTEM,
        proxy=found.get("proxycommand") or jump,
    )


def _listed(found: paramiko.SSHConfigDict | dict[str, str], key: str) -> Sequence[str]:
    value: str | Sequence[str] = found.get(key, ())
    return [value] if isinstance(value, str) else value


def _lookup(path: Path, host: str) -> paramiko.SSHConfigDict | dict[str, str]:
    path = path.expanduser()
    try:
        return _parsed(path, path.stat().st_mtime_ns).lookup(host)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, paramiko.SSHException) as error:
        raise InputError(f"{path}: {error}; mend it, or name another in ssh.config_file") from error


@lru_cache(maxsize=8)
def _parsed(path: Path, mtime_ns: int) -> paramiko.SSHConfig:
    return paramiko.SSHConfig.from_path(path)


def _jump(hops: str, hostname: str, port: int, config_file: str | None, known_hosts: str) -> str:
    """Give the ssh command for ProxyJump: it never asks and never takes an unknown key."""
    if not hops or hops.lower() == "none":
        return ""
    *before, last = (hop.strip() for hop in hops.split(","))
    options = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    options += ["-F", str(Path(config_file).expanduser())] if config_file else []
    options += ["-o", f"UserKnownHostsFile={Path(known_hosts).expanduser()}"] if known_hosts else []
    target = f"[{hostname}]:{port}" if ":" in hostname else f"{hostname}:{port}"
    name, _, last_port = last.rpartition(":")
    name, last_port = (name, last_port) if last_port.isdigit() else (last, "")
    options += ["-J", ",".join(before)] if before else []
    options += ["-p", last_port] if last_port else []
    return join(["ssh", *options, "-W", target, name])
