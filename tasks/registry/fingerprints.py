"""What moor wrote where Harbor gives no secret back: fingerprints, so that a changed secret is in the plan.

A fingerprint is an HMAC of the secret under a random key of the site's state. It tells nothing without the key, and
with it no more than that a guessed secret is the right one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from nornir.core.inventory import Host

from moor.context import context_of, site_of
from moor.formats.nesting import parse_json
from moor.secrets import private_files
from moor.secrets.secret import Secret

DIRECTORY = "fingerprints"  # beside the secrets that moor makes
KEY_BYTES = 32
NOT_OURS = "another one, or not written by moor"


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints in a directory of the site's state; reading them writes nothing."""

    directory: Path

    def shown(self, thing: str, field: str, secret: Secret) -> str:
        """Return what a plan compares with ``secret``: its SHA-256 if moor wrote it there last, else words."""
        key = self._key()
        kept = self._kept(thing).get(field, "") if key else ""
        same = key is not None and hmac.compare_digest(kept, _fingerprint(key, thing, field, secret))
        return secret.sha256() if same else NOT_OURS

    def has(self, thing: str, field: str) -> bool:
        """Return whether moor ever wrote the secret of a field."""
        return self._key() is not None and field in self._kept(thing)

    def keep(self, thing: str, field: str, secret: Secret) -> None:
        """Remember that ``secret`` was written to a field of a thing.

        Args:
            thing: the resource's id
        """
        key = self._key() or self._new_key()
        kept = {**self._kept(thing), field: _fingerprint(key, thing, field, secret)}
        private_files.write(self._path(thing), json.dumps(kept, sort_keys=True).encode())

    def drop(self, thing: str) -> None:
        """Forget a thing, since it was removed."""
        self._path(thing).unlink(missing_ok=True)

    def _path(self, thing: str) -> Path:
        return self.directory / f"{hashlib.sha256(thing.encode()).hexdigest()[:40]}.json"

    def _key(self) -> bytes | None:
        try:
            return (self.directory / "key").read_bytes()
        except FileNotFoundError:
            return None

    def _new_key(self) -> bytes:
        private_files.make_directory(self.directory)
        private_files.write_new(self.directory / "key", secrets.token_bytes(KEY_BYTES))
        return (self.directory / "key").read_bytes()

    def _kept(self, thing: str) -> dict[str, str]:
        try:
            found = parse_json(self._path(thing).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return {str(field): str(text) for field, text in found.items()} if isinstance(found, dict) else {}


def _fingerprint(key: bytes, thing: str, field: str, secret: Secret) -> str:
    words = "\0".join((thing, field, secret.reveal()))
    return hmac.new(key, words.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def fingerprints_of(host: Host) -> Fingerprints:
    """Return the fingerprints of what moor wrote into the host's Harbor; a standby has its own."""
    other = f"-{host.name}" if host.name in context_of(host).registry_pair[1:] else ""
    return Fingerprints(site_of(host).state / "secrets" / f"{DIRECTORY}{other}")
