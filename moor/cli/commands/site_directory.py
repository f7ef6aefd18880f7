"""The directory of the site that a command is about."""

from __future__ import annotations

import sys
from pathlib import Path

from moor.settings.config import CONFIG
from moor.settings.modules import SHIPPED


def find_site(named: Path | None) -> Path:
    """Return the site's directory: ``named``, else the working directory, else the shipped site, which is then told.

    The shipped site of a checkout is the lab's, which nobody must take for their own.
    """
    here = Path.cwd()
    if named is not None or (here / CONFIG).is_file() or not (SHIPPED / CONFIG).is_file():
        return named or here
    print(f"moor: no {CONFIG} is in {here}, so this is the lab's site: {SHIPPED}", file=sys.stderr)
    return SHIPPED
