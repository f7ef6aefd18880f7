"""A site whose registry, which somebody else runs, has so many projects, each with robots and rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.configuration.server import ADMIN_PASSWORD, NAME
from bench.contenders.moor import write

ADDRESS = "192.0.2.5"  # in the inventory alone
ROBOTS = ("ci", "puller", "scanner")


def make_site(folder: Path, ca: Path, port: int, projects: int) -> Path:
    """Write a site of one host, for which the controller asks the registry."""
    (folder / "inventory").mkdir(parents=True)
    password, header = _secret(folder / "admin", ADMIN_PASSWORD), _secret(folder / "header", "Bearer of-the-webhooks")
    data = {
        "registry": {"name": NAME, "address": ADDRESS, "port": port},
        "pki": {"ca": str(ca)},
        "harbor": {"managed": False, "account": {"password": password}},
        "projects": {f"team-{number:03}": project(number, header) for number in range(projects)},
    }
    write(folder / "config.yaml", {})
    write(folder / "inventory/hosts.yaml", {"node1": {"hostname": "192.0.2.1", "groups": ["nodes"]}})
    write(folder / "inventory/groups.yaml", {"nodes": {}})
    write(folder / "inventory/defaults.yaml", {"data": data})
    return folder


def _secret(path: Path, word: str) -> str:
    """Write a secret's file, and return the reference to it."""
    path.touch(0o600)
    path.write_text(word)
    return f"file:{path}"


def project(number: int, header: str) -> dict[str, Any]:
    """Return what the inventory says of one project: something of every kind."""
    return {
        "public": number % 10 == 0,
        "quota": f"{10 + number % 5} GiB",
        "scan": {"on_push": True, "block_from": "high"},
        "retention": {"schedule": "daily", "rules": [{"keep": "latest_pushed", "count": 10}]},
        "immutable": [{"tags": "v*"}],
        "members": {"admin": "admin"},
        "webhooks": {"ci": {"address": "https://ci.bench.test/", "events": ["PUSH_ARTIFACT"], "auth": header}},
        "labels": {"approved": {"color": "#00AB9A"}, "old": {}},
        "robots": {name: {"access": ["pull", "push"] if name == "ci" else ["pull"]} for name in ROBOTS},
    }
