"""moor init as it is typed, on a folder of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nornir.core import Nornir
from ruamel.yaml import YAML

from moor.sites.site import open_site
from tests.harness.commands import Done, ended_here

REGISTRY = ("--registry", "registry.fleet.test", "--registry-address", "10.9.0.5")


def init(folder: Path, *words: str) -> Done:
    """Type ``moor init DIR``."""
    return ended_here(["init", str(folder), *words])


def site(folder: Path, *words: str) -> Nornir:
    """Write a site, and open it as every command does."""
    done = init(folder, *words)
    assert done.returncode == 0, done.said
    return open_site(folder, dry_run=True)


def written(folder: Path, name: str = "hosts") -> Any:
    """Return what a file of the inventory says."""
    return YAML(typ="safe", pure=True).load((folder / f"inventory/{name}.yaml").read_text())


def reached(nr: Nornir) -> dict[str, tuple[str | None, int | None, str | None]]:
    """Return how each host is reached: address, port and user."""
    return {name: (host.hostname, host.port, host.username) for name, host in nr.inventory.hosts.items()}
