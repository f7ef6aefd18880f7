"""The shipped site with hosts that are ports of this machine, on which nobody may call."""

from __future__ import annotations

import shutil
import socket
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from moor.settings.modules import SHIPPED

GROUPS = {"harbor1": "harbor", "cp1": "control_plane, nodes", "node1": "nodes", "ws1": "workstations"}
DEFAULTS, HOSTS, CONFIG = "inventory/defaults.yaml", "inventory/hosts.yaml", "config.yaml"
INSTALLER, ARCHIVE = "harbor-offline-installer-v2.8.3.tgz", "python-3.13.tar"

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: admin}}]
clusters: [{name: lab, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: admin, user: {token: t0ken}}]
"""


@dataclass
class Site:
    """The shipped site, whole and valid, over hosts that are ports of this machine on which nobody may call."""

    folder: Path
    doors: dict[str, socket.socket] = field(default_factory=dict)

    def build(self) -> Site:
        """Write it down, and open the ports."""
        for name in (CONFIG, "inventory", "moor_lab/demo/context"):
            source, target = SHIPPED / name, self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        self.edit(DEFAULTS, "/var/lib/moor-lab", f"{self.folder}/lab", count=-1)
        lines = [f"{n}: {{hostname: 127.0.0.1, port: {self._door(n)}, groups: [{g}]}}" for n, g in GROUPS.items()]
        (self.folder / HOSTS).write_text("\n".join(lines) + "\n")
        for secret in ("harbor-admin", "ca-passphrase"):
            self.write(f"lab/secrets/{secret}", "Correct-horse-1\n").chmod(0o600)
        self.write("lab/kubeconfig", KUBECONFIG)
        self.write("lab/config.json", "{}")
        self.archive(f"lab/{INSTALLER}", "harbor/install.sh", "w:gz")
        self.write("lab/manifest.json", '[{"Config": "config.json"}]')
        self.archive(f"lab/{ARCHIVE}", "config.json", "w", "manifest.json")
        return self

    def _door(self, name: str) -> int:
        self.doors[name] = socket.create_server(("127.0.0.1", 0))
        self.doors[name].setblocking(False)
        return int(self.doors[name].getsockname()[1])

    def write(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def edit(self, name: str, former: str, new: str, count: int = 1) -> None:
        text = (self.folder / name).read_text()
        assert former in text
        self.write(name, text.replace(former, new, count))

    def archive(self, name: str, member: str, mode: str, *more: str) -> None:
        with tarfile.open(self.folder / name, mode) as tar:  # type: ignore[call-overload]
            for each in (member, *more):
                path = self.folder / "lab" / each
                tar.add(path if path.exists() else self.folder / CONFIG, each)

    def called(self) -> list[str]:
        """List the hosts that somebody connected to."""
        return [name for name, door in self.doors.items() if _accepts(door)]


@contextmanager
def closed_site(folder: Path) -> Iterator[Site]:
    """Build the site; nobody can call its hosts any longer once the block has ended."""
    site = Site(folder).build()
    try:
        yield site
    finally:
        for door in site.doors.values():
            door.close()


def _accepts(door: socket.socket) -> bool:
    try:
        door.accept()[0].close()
    except BlockingIOError:
        return False
    return True
