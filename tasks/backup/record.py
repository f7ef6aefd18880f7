"""What a backup says about itself: a file that is readable without the key, since it holds no secret."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moor.errors import ErrorKind, HostError

FORMAT: Literal[1] = 1  # raised when an older moor could no longer restore what is written

# What is counted, as Harbor's database has it.
COUNTED = ("projects", "repositories", "artifacts", "robots", "users")
Counts = dict[str, int]


class Part(BaseModel):
    """One file of a backup, as it lies there: encrypted.

    Attributes:
        content: how many bytes it had before it was packed and encrypted
    """

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    content: int


class Record(BaseModel):
    """One backup.

    Attributes:
        format: of the backup's files
        key: the directory of its blobs has this name; another key encrypts its own
        release: Harbor's
        volume: the directory of Harbor's data on its host
        counts: what the database held
        database: ``harbor`` for Harbor's own, or the host of an external one
        has_database: whether it is in the backup
        storage: where Harbor keeps images, in words
        has_blobs: whether they are in the backup
        blobs, blob_bytes: how many, and their size before encryption
        new_bytes: of these, what no earlier backup had
        lacking: how many blobs artifacts need that the registry itself lacked
        parts: its other files by name
        notes: what is to be known about it
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = FORMAT
    name: str
    moor: str
    host: str
    registry: str
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    recipients: tuple[str, ...]
    started: datetime
    ended: datetime
    release: str
    directory: str
    volume: str
    postgresql: str
    counts: Counts
    database: str
    has_database: bool
    storage: str
    has_blobs: bool
    blobs: int
    blob_bytes: int
    new_bytes: int
    lacking: int
    parts: dict[str, Part]
    notes: tuple[str, ...] = ()

    @property
    def stored_bytes(self) -> int:
        """Return the size of its own files, without blobs."""
        return sum(part.bytes for part in self.parts.values())


def parse_record(text: bytes, place: str) -> Record:
    """Parse a record; raise HostError if it is damaged, or of a newer moor."""
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise HostError(
            f"{place}: {where}: {first['msg']}; it is damaged, or a newer moor wrote it", ErrorKind.CONTROLLER
        ) from None


def describe_counts(counts: Counts) -> str:
    """Return counts in words, such as ``2 projects, 1 robot``."""
    return ", ".join(
        f"{counts[name]} {name if counts[name] != 1 else SINGULAR[name]}" for name in COUNTED if name in counts
    )


SINGULAR = {
    "projects": "project",
    "repositories": "repository",
    "artifacts": "artifact",
    "robots": "robot",
    "users": "user",
}
