"""Reading a source by its kind."""

from __future__ import annotations

from importlib import import_module

from moor.errors import InputError
from moor.init.answers import Answers
from moor.init.found import Found
from moor.init.sources import SOURCES
from moor.suggestions import did_you_mean

NEEDED = {"ansible": "INVENTORY", "netbox": "URL"}


def read_source(kind: str, where: str, answers: Answers) -> Found:
    """Return what a source knows.

    Args:
        kind: one of ``SOURCES``; empty for no source
        where: its file, or NetBox's address
        answers: its credentials

    Raises:
        InputError: there is no such kind, or the source cannot be read.
    """
    if not kind:
        return Found()
    if kind not in SOURCES:
        raise InputError(f"--from: {kind}: there are {', '.join(SOURCES)}{did_you_mean(kind, SOURCES)}")
    if not where:
        raise InputError(f"--from {kind}: write --from {kind} {NEEDED.get(kind, 'FILE')}")
    found: Found = import_module(f"{__package__}.{kind}").read(where, answers)
    return found
