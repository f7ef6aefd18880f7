"""The keys that a host may show: those of the inventory, or of known_hosts files, which are read once in a process."""

from __future__ import annotations

import fnmatch
import hmac
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moor.errors import InputError
from moor.formats.public_keys import NO_KEY, parse_public_key

# With libssh paramiko is never imported, which would take as long as a check of ten hosts.
if TYPE_CHECKING:
    import paramiko

SYSTEM = (Path("~/.ssh/known_hosts"), Path("/etc/ssh/ssh_known_hosts"))


def known_hosts_name(hostname: str, port: int) -> str:
    """Return the name by which known_hosts lists a host."""
    return hostname if port == 22 else f"[{hostname}]:{port}"


@dataclass(frozen=True)
class KnownHostsLine:
    """One line of known_hosts.

    Attributes:
        marker: ``@revoked``, ``@cert-authority`` or empty.
        names: may be patterns or hashes.
        blob: the key in base64.
    """

    marker: str
    names: tuple[str, ...]
    kind: str
    blob: str

    def matches(self, name: str) -> bool:
        """Return whether the line is about ``name``.

        References:
            sshd(8), SSH_KNOWN_HOSTS FILE FORMAT
        """
        if any(word[0] == "!" and _matches(word[1:], name) for word in self.names):
            return False
        return any(_matches(word, name) for word in self.names)


@dataclass(frozen=True)
class KnownHosts:
    """The lines of one file, indexed by name so that most hosts are found without a search of every line.

    Attributes:
        others: lines with hashed names or patterns.
    """

    by_name: dict[str, list[KnownHostsLine]] = field(default_factory=dict)
    others: list[KnownHostsLine] = field(default_factory=list)

    def lines(self, name: str) -> list[KnownHostsLine]:
        """List the lines about ``name``."""
        return [*self.by_name.get(name, ()), *(line for line in self.others if line.matches(name))]


def parse_known_hosts(text: str) -> KnownHosts:
    """Parse the content of a known_hosts; lines that cannot be read are skipped, as ssh does."""
    known = KnownHosts()
    for line in filter(None, map(_parse_line, text.splitlines())):
        if line.names[0].startswith("|") or any(letter in "*?!" for word in line.names for letter in word):
            known.others.append(line)
        else:
            for name in line.names:
                known.by_name.setdefault(name, []).append(line)
    return known


def _parse_line(text: str) -> KnownHostsLine | None:
    fields = text.split()
    marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
    if len(fields) < 3 or text.lstrip().startswith("#"):
        return None
    names = tuple(filter(None, fields[0].lower().split(","))) if fields[0][0] != "|" else (fields[0],)
    return KnownHostsLine(marker, names, fields[1], fields[2]) if names else None


def _matches(word: str, name: str) -> bool:
    if word.startswith("|1|"):
        return _matches_hash(word, name)
    # Square brackets separate a port from a name here; fnmatch would read them as a set of letters.
    return fnmatch.fnmatchcase(name, word.replace("[", "[[]")) if any(c in "*?" for c in word) else word == name


def _matches_hash(word: str, name: str) -> bool:
    with suppress(ValueError, BadBase64):
        _, _, salt, digest = word.split("|")
        return hmac.compare_digest(hmac.digest(b64decode(salt), name.encode(), "sha1"), b64decode(digest))
    return False


def known_keys(paths: Iterable[Path], name: str) -> list[paramiko.PKey]:
    """List the keys that ``name`` may show, without revoked ones and those of certificate authorities."""
    return [key for line in known_lines(paths, name) if (key := _key(line.kind, line.blob))]


def known_lines(paths: Iterable[Path], name: str) -> list[KnownHostsLine]:
    """List the lines of the keys that ``name`` may show, without revoked ones and those of certificate authorities."""
    lines = [line for path in paths for line in _read(path).lines(name.lower())]
    revoked = _revoked(lines)
    return [line for line in lines if not line.marker and line.blob not in revoked]


def is_revoked(paths: Iterable[Path], name: str, key: paramiko.PKey) -> bool:
    """Return whether ``key`` is revoked for ``name``."""
    return key.get_base64() in _revoked(line for path in paths for line in _read(path).lines(name.lower()))


def _revoked(lines: Iterable[KnownHostsLine]) -> set[str]:
    return {line.blob for line in lines if line.marker == "@revoked"}


def _read(path: Path) -> KnownHosts:
    path = path.expanduser()
    try:
        status = path.stat()
        return _read_version(path, status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        return KnownHosts()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; known_hosts must be readable") from error


@lru_cache(maxsize=16)
def _read_version(path: Path, mtime_ns: int, size: int) -> KnownHosts:
    return parse_known_hosts(path.read_text("utf-8", "replace"))


@lru_cache(maxsize=8192)
def _key(kind: str, blob: str) -> paramiko.PKey | None:
    import paramiko
    from paramiko.pkey import UnknownKeyType

    try:
        return paramiko.PKey.from_type_string(kind, b64decode(blob))
    except (UnknownKeyType, paramiko.SSHException, ValueError):
        return None


def pinned_keys(words: str | Sequence[str]) -> list[paramiko.PKey]:
    """Parse the keys of ``ssh_host_key``, which are public keys without a host's name; raises InputError."""
    return [_pinned_key(word) for word in ([words] if isinstance(words, str) else words)]


def _pinned_key(word: str) -> paramiko.PKey:
    kind, blob = _public_key_of(word)
    key = _key(kind, blob)
    if key is None:
        raise InputError(f"ssh_host_key: {word[:40]!r}: {NO_KEY}")
    return key


def _public_key_of(word: str) -> tuple[str, str]:
    try:
        return parse_public_key(word)
    except ValueError as error:
        raise InputError(f"ssh_host_key: {word[:40]!r}: {error}") from None


def accepted_keys(extras: dict[str, Any], name: str, paths: Iterable[Path] = SYSTEM) -> list[paramiko.PKey]:
    """List the keys that ``name`` may show.

    Those of the inventory count, or else those of the site's known_hosts, or else those of ``paths``.

    Args:
        extras: of the host's connection: ``ssh_host_key`` and ``known_hosts`` count.

    Raises:
        InputError: a key of the inventory, or a file, cannot be read.
    """
    if extras.get("ssh_host_key"):
        return pinned_keys(extras["ssh_host_key"])
    return known_keys([Path(extras["known_hosts"])] if extras.get("known_hosts") else paths, name)


def accepted_blobs(extras: dict[str, Any], name: str, paths: Iterable[Path] = SYSTEM) -> list[str]:
    """List the keys of ``accepted_keys`` in base64, without paramiko; raises InputError."""
    if words := extras.get("ssh_host_key"):
        return [_public_key_of(word)[1] for word in ([words] if isinstance(words, str) else words)]
    found = known_lines([Path(extras["known_hosts"])] if extras.get("known_hosts") else paths, name)
    return [line.blob for line in found]


def fingerprint(blob: str) -> str:
    """Return the fingerprint of a key in base64, as ssh-keygen -l prints it."""
    return "SHA256:" + b64encode(sha256(b64decode(blob)).digest()).decode().rstrip("=")
