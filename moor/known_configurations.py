"""What is known of network devices before a run, so that a check need not do again what it did before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DIGITS = 32  # of a mark in hexadecimal


@dataclass(frozen=True)
class KnownConfigurations:
    """What is known of devices before a run.

    Attributes:
        digests: by device, of the text that history kept last.
        marks: by device, of what it printed when that text was made of it; missing where that is not known.
        key: of the marks. A configuration has secrets that somebody with a bare digest of it could try to guess.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)

    def mark_of(self, printed: str, rules: bytes) -> str:
        """Return the mark of what a device printed, and of the rules by which secrets are struck out of it."""
        # Imported late: most runs have no device.
        import hmac

        content = rules + printed.encode("utf-8", "surrogatepass")
        return hmac.new(self.key, content, "sha256").hexdigest()[:DIGITS]
