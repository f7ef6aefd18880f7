"""The script that a machine runs at its first boot; it can be run again, and then changes nothing that is right."""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Iterable
from shlex import quote

from moor.engine.shell_functions import LOCK, RUNS, script_head
from moor.first_boot.plan import PlannedFile, PlannedStep

# Sorts before the names of all runs, so that what a run keeps counts as newer than what the first boot kept.
RUN = "00000000-000000-0000"
BY = "its first boot"
PATH = "/var/lib/moor/first-boot.sh"


def render_script(steps: Iterable[PlannedFile | PlannedStep], head: str = "") -> str:
    """Return the script: the steps one after the other, whether or not others fail.

    It ends with 1 if a step failed, and prints which on standard error. The shell parses all of it before it runs
    anything.

    Args:
        steps: in their order.
        head: lines of comment.
    """
    blocks = "".join(_block(step) for step in steps)
    return f"#!/bin/sh\n{head}moor_main() {{\n{script_head(RUN, BY, RUNS, LOCK)}failed=\n{blocks}{END}}}\nmoor_main\n"


def packed(script: str) -> str:
    """Return a script compressed and in base64, since clouds take few bytes; the same script makes the same text."""
    return b64encode(gzip.compress(script.encode("utf-8", "surrogateescape"), mtime=0)).decode()


END = """\
moor_written
[ -z "$failed" ]
"""


def _block(step: PlannedFile | PlannedStep) -> str:
    name = quote(step.id)
    return (
        f"(\n{step.fragment}\n) </dev/null 9>&- || "
        f"{{ failed=yes; printf 'moor: %s: failed, see the lines above\\n' {name} >&2; }}\n"
    )
