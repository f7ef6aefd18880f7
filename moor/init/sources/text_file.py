"""Reading the text of a source's file."""

from __future__ import annotations

from pathlib import Path

from moor.errors import InputError

LARGEST_BYTES = 16 * 1024 * 1024


def read_text(path: Path) -> str:
    """Return a file's text; raise InputError if it cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; --from KIND FILE names the file to read") from None
    if len(raw) > LARGEST_BYTES:
        raise InputError(f"{path}: more than {LARGEST_BYTES} bytes, which no such file has; is the path right?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}; save it as UTF-8") from None
