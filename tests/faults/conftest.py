"""A fleet to be put through faults, booted once: light hosts, a few with systemd, and a site of plain resources."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moor_lab.fleet import Fleet, Host
from moor_lab.lab import Lab
from tests.faults.inflicted import FAULTS
from tests.harness.commands import started
from tests.harness.labs import fleet_of_lab
from tests.harness.sites import Content, write_site
from tests.lab.moored import Moor

SITE = Path(__file__).parent / "site"
WELL = "well"
SERVED = ("served1", "served2", "served3")
HOLD = "touch /run/berth-held; while [ -e /run/berth-held ]; do sleep 0.1; done"  # a hook
RESET = """\
rm -rf /etc/berth /run/berth-* /var/lib/moor
u=/etc/systemd/system/berth.service
[ ! -e $u ] || { systemctl -q disable --now berth; rm $u; }"""

RIGHT = "[ $(wc -l </etc/berth/app.conf) = 40 ] && grep -c berth /etc/berth/shared.conf"
STRAY = r"""\
find / -xdev \( -name '.*.moor' -o -name .moor -o -name '*.part' \) 2>/dev/null
flock -n /run/moor.lock true && echo free"""


def fleet_for_faults() -> Fleet:
    """Return the well host, three that serve, and one for each fault."""
    base = fleet_of_lab("faults")
    names = [WELL, *SERVED, *(fault.host for fault in FAULTS)]
    systemd = {*SERVED, *(fault.host for fault in FAULTS if fault.systemd)}
    hosts = {
        name: Host(name=name, address=base.network[10 + at], profile="bare" if name in systemd else "light")
        for at, name in enumerate(names)
    }
    return base.model_copy(update={"hosts": hosts})


@dataclass(frozen=True)
class Berth:
    """The fleet and its site; ``known_hosts`` is the site's own."""

    lab: Lab
    moor: Moor
    known_hosts: Path

    def sh(self, name: str, script: str) -> str:
        """Run sh on a host, behind moor's back."""
        return self.lab.exec(name, ["sh", "-c", script])

    def hook(self, name: str, script: str) -> None:
        """Have something happen once in the middle of the host's next script."""
        self.lab.exec(name, ["sh", "-c", "cat >/run/berth-hook"], stdin=f"rm /run/berth-hook\n{script}\n")

    def held(self, name: str) -> bool:
        """Return whether a script on the host has come to ``HOLD``."""
        return self.sh(name, "[ ! -e /run/berth-held ] || echo held") == "held\n"

    def is_right(self, name: str) -> None:
        """Assert that a host has its files whole, nothing half beside them, and its lock free."""
        assert self.sh(name, RIGHT) == "1\n", name
        assert self.sh(name, STRAY) == "free\n", name

    def apply(self, *hosts: str) -> Applied:
        """Apply the site to some hosts."""
        words = ["apply", "berth", "--yes", "--output", "json", *(["--limit", ",".join(hosts)] if hosts else [])]
        done = self.moor(*words)
        return Applied(done.returncode, done.report["hosts"], done.stderr)

    def applying(self, *hosts: str) -> AbstractContextManager[subprocess.Popen[str]]:
        """Begin to apply the site to some hosts."""
        return started(self.moor.site, "apply", "berth", "--yes", "--limit", ",".join(hosts))


@dataclass(frozen=True)
class Applied:
    """What an apply said of each host."""

    code: int
    hosts: dict[str, Any]
    stderr: str

    def error(self, name: str) -> str:
        return str(self.hosts[name]["error"])

    def statuses(self, name: str) -> dict[str, str]:
        return {one["id"]: one["status"] for one in self.hosts[name]["resources"]}


@pytest.fixture(scope="session")
def berth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Berth]:
    """Yield the fleet, running; every host as it was made."""
    Lab(fleet_for_faults()).down(secrets=True)  # of a run that was killed
    lab = Lab(fleet_for_faults())
    try:
        lab.up()
        yield Berth(lab, Moor(lab, site_at(tmp_path_factory.mktemp("berth"), lab)), lab.directory / "pinned")
    finally:
        lab.down(secrets=True)


def site_at(folder: Path, lab: Lab) -> Path:
    """Write the site of the fleet."""
    shutil.copytree(SITE, folder, dirs_exist_ok=True)
    pinned = shutil.copy(lab.known_hosts, lab.directory / "pinned")
    extras = {"key_file": str(lab.key), "known_hosts": str(pinned)}
    hosts = {name: _entry(name, host) for name, host in lab.fleet.hosts.items()}
    files: dict[str, Content] = {
        "config.yaml": {"runner": {"plugin": "threaded", "options": {"num_workers": len(hosts)}}},
        "inventory/hosts.yaml": hosts,
        "inventory/groups.yaml": {"served": {}, "odd": {}},
        "inventory/defaults.yaml": {"username": "ops", "connection_options": {"shell": {"extras": extras}}},
    }
    return write_site(folder, files)


def _entry(name: str, host: Host) -> dict[str, Any]:
    group = "served" if name in SERVED else name if name == "odd" else ""
    found = next((fault for fault in FAULTS if fault.host == name), None)
    bound = {"connection_options": {"shell": {"extras": {"conn_timeout": found.connect_s}}}} if found else {}
    return {"hostname": str(host.address), **({"groups": [group]} if group else {}), **bound}
