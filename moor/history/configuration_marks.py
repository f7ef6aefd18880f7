"""The marks of what devices had printed, in a private file; without it, the next check has more work and says the same.

A check that reads what it read before need not strike the secrets out of it again to know that nothing has changed.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from moor.engine.device_configurations import DeviceConfiguration
from moor.formats.nesting import parse_json
from moor.known_configurations import KnownConfigurations
from moor.secrets import private_files
from moor.settings.access import SiteSettings

FILE = "device-marks.json"  # in the site's state
KEY_BYTES = 32


def read_marks(settings: SiteSettings, digests: Mapping[str, str]) -> KnownConfigurations:
    """Return what is known of devices; a mark counts only with the text that history has kept last.

    Args:
        digests: by device, of that text.
    """
    key, marks = _read(settings.state / FILE)
    known = {host: mark for host, (mark, digest) in marks.items() if digests.get(host) == digest}
    return KnownConfigurations(digests, known, key or secrets.token_bytes(KEY_BYTES))


def write_marks(settings: SiteSettings, before: KnownConfigurations, read: Mapping[str, DeviceConfiguration]) -> None:
    """Write the marks of what a run has read, if there are new ones, and keep those of other devices."""
    if all(before.marks.get(host) == one.mark for host, one in read.items()):
        return
    kept = {host: [mark, before.digests[host]] for host, mark in before.marks.items()}
    marks = {**kept, **{host: [one.mark, one.digest] for host, one in read.items()}}
    with suppress(OSError):  # the check has said what it found; the next one works without marks
        private_files.write(
            settings.state / FILE, json.dumps({"key": before.key.hex(), "marks": marks}, indent=1).encode()
        )


def _read(path: Path) -> tuple[bytes, dict[str, tuple[str, str]]]:
    """Return the key and the marks with the digests of the kept texts; nothing if the file is missing or another."""
    try:
        found = parse_json(path.read_bytes())
        key = bytes.fromhex(found["key"])
        marks = {str(host): (str(mark), str(digest)) for host, (mark, digest) in found["marks"].items()}
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return b"", {}
    return (key, marks) if len(key) == KEY_BYTES else (b"", {})
