"""moor: `moor drift` on a site of its own, with strict host keys, plan, diff and history."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bench import checks
from bench.contenders.contender import ROOT, Contender
from bench.measure import Command, Run
from moor.connections.ssh.backends import BACKENDS, fastest
from moor.errors import MoorError

SITE = ROOT / "bench" / "site"
UPLOADED = Path("/var/lib/bench/installer")  # where the large file goes on a host


@dataclass(frozen=True)
class Library:
    """An SSH library that moor can use: its name, the module to look for, and its distribution."""

    name: str
    module: str
    distribution: str


# by moor's name for it, in ``extras.backend``
LIBRARIES = {
    "libssh2": Library("libssh2", "ssh2", "ssh2-python"),
    "libssh": Library("libssh", "ssh", "ssh-python"),
    "netmiko": Library("paramiko", "paramiko", "paramiko"),
}
DEFAULT = fastest()
OTHERS = [name for name in BACKENDS if name != DEFAULT and name in LIBRARIES and find_spec(LIBRARIES[name].module)]


@dataclass(frozen=True)
class Moor(Contender):
    """moor as shipped, or with an SSH library of one's choice.

    Attributes:
        backend: by moor's name for it; empty for the one that moor chooses
        scheduler: of Dask's workers that share the hosts; empty without
    """

    backend: str = ""
    scheduler: str = ""

    @property
    def name(self) -> str:
        return f"moor, {self.library}" if self.backend else "moor"

    @property
    def version(self) -> str:
        library = LIBRARIES[self.backend or DEFAULT]
        return f"moor {version('moor-fleet')}, {library.distribution} {version(library.distribution)}"

    @property
    def library(self) -> str:
        """Return the SSH library that it uses, by its name in ``bench.logins``."""
        return LIBRARIES[self.backend or DEFAULT].name

    def prepare(self, hosts: Sequence[str]) -> None:
        site = self.site(hosts)
        shutil.copytree(SITE, site, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (site / "inventory").mkdir(exist_ok=True)
        write(site / "config.yaml", {"runner": self.runner()})
        write(site / "inventory/hosts.yaml", {name: {"hostname": self.address(name)} for name in hosts})
        write(site / "inventory/groups.yaml", {})
        write(site / "inventory/defaults.yaml", self.defaults())

    def runner(self) -> Any:
        """Return the shipped runner, or the one of the workers."""
        if self.scheduler:
            return {"plugin": "dask", "options": {"scheduler": self.scheduler}}
        return YAML(typ="safe").load(ROOT / "config.yaml")["runner"]

    def defaults(self) -> dict[str, Any]:
        """Return the inventory's defaults."""
        chosen = {"backend": self.backend} if self.backend else {}
        extras = {"key_file": str(self.reach.key), "known_hosts": str(self.reach.known_hosts), **chosen}
        upload = {"source": str(self.place / "installer"), "target": str(UPLOADED)}
        return {
            "username": "ops",
            "port": self.reach.port,
            "connection_options": {"shell": {"extras": extras}},
            "data": {"eight": checks.facts(), "upload": upload},
        }

    def site(self, hosts: Sequence[str]) -> Path:
        """Return the site of these hosts."""
        return self.place / f"site-{len(hosts)}"

    def command(self, hosts: Sequence[str]) -> Command:
        return self.words(hosts, "drift", "--runbook", "eight", "--output", "json")

    def words(self, hosts: Sequence[str], *words: str) -> Command:
        """Return a command of moor on the site of these hosts."""
        argv = (str(Path(sys.executable).with_name("moor")), *words, "--site", str(self.site(hosts)), "--quiet")
        return Command(argv, self.place)

    def drifted(self, run: Run, hosts: Sequence[str]) -> set[str]:
        try:
            report = json.loads(run.stdout)["hosts"]
        except ValueError:
            raise MoorError(f"moor gave no report: {run.stderr.strip()[-500:]}") from None
        right = {
            name
            for name, host in report.items()
            if host["reached"] and not host["error"] and all(r["status"] == "ok" for r in host["resources"])
        }
        return set(hosts) - right


def write(path: Path, content: Any) -> None:
    """Write a YAML file in block style, one line per key."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(content, path)
