"""What a network device holds, as a task has read it: without secrets, for the history of the device."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from nornir.core.inventory import Host
from nornir.core.task import Result

DIGITS = 32  # of a SHA-256 in hexadecimal; enough to know a configuration again


@dataclass(frozen=True)
class DeviceConfiguration:
    """A device's whole configuration without secrets, and without lines that say when it was printed.

    Attributes:
        digest: of the text.
        text: None if it is the one that history kept last.
        changed_by: the user who changed it last; empty if the device does not tell.
        changed_at: when, in the device's own words.
        mark: what the device printed, by ``moor.known_configurations``.
    """

    digest: str
    text: str | None
    changed_by: str = ""
    changed_at: str = ""
    mark: str = ""


class ConfigurationResult(Result):
    """The sub-result for a device's configuration, which belongs to no resource."""

    def __init__(self, host: Host | None, read: DeviceConfiguration) -> None:
        super().__init__(host, "configuration read", severity_level=logging.DEBUG)
        self.name = "configuration"  # type: ignore[assignment]  # Nornir annotates what it sets later as None
        self.read = read


def digest_of(text: str) -> str:
    """Return the digest by which a configuration is known again."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
