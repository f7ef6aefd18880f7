"""The shipped site, moved to the fleet of a lab."""

from __future__ import annotations

import shutil
from pathlib import Path

from moor.settings.modules import SHIPPED
from moor_lab.fleet import load_fleet
from moor_lab.lab import Lab

COPIED = ("config.yaml", "inventory", "moor_lab/demo/context")


def copy_shipped_site(lab: Lab, site: Path) -> Path:
    """Copy the shipped site to the folder ``site``, with the addresses and files of this lab."""
    shipped = load_fleet()
    for name in COPIED:
        source, target = SHIPPED / name, site / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    prefix, moved = (str(fleet.network).rsplit(".", 2)[0] + "." for fleet in (shipped, lab.fleet))
    for path in [site / "config.yaml", *(site / "inventory").iterdir()]:
        text = path.read_text().replace(prefix, moved).replace(str(shipped.directory), str(lab.directory))
        path.write_text(text)
    return site
