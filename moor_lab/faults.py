"""Faults of hosts, as context managers that always end the fault at the end of the ``with`` block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from moor_lab.lab import Lab
from moor_lab.network import link_name

SPARE_KIB = 64
# Moves the directory's content to a file system of its size and fills that completely.
FILL = """
set -eu
size=$(du -sk "$1" | cut -f1)
mkdir /run/moor-lab-full
mount -t tmpfs -o "size=$((size + $2))k,mode=$(stat -c %a "$1")" tmpfs /run/moor-lab-full
cp -a "$1/." /run/moor-lab-full/
mount --bind /run/moor-lab-full "$1" # moving it is refused below systemd's shared mounts
umount /run/moor-lab-full
rmdir /run/moor-lab-full
cat /dev/zero >"$1/.moor-lab-full" 2>/dev/null || :
"""


@contextmanager
def partition(lab: Lab, name: str) -> Iterator[None]:
    """Cut a host off the network, so that connections to it time out."""
    link = link_name(lab.machine(name).host.address)
    lab.network.inside("ip", "link", "set", link, "down")
    try:
        yield
    finally:
        lab.network.inside("ip", "link", "set", link, "up")


@contextmanager
def hang(lab: Lab, name: str) -> Iterator[None]:
    """Freeze every process of a host, so that its kernel accepts connections and nothing answers."""
    group = lab.machine(name).cgroup / "host"
    group.freeze(True)
    try:
        yield
    finally:
        group.freeze(False)


@contextmanager
def full_disk(lab: Lab, name: str, path: str) -> Iterator[None]:
    """Leave no space below a directory of a host; what is written to it in the meantime is lost afterwards."""
    lab.exec(name, ["sh", "-c", FILL, "sh", path, str(SPARE_KIB)])
    try:
        yield
    finally:
        lab.exec(name, ["umount", "--lazy", path])


@contextmanager
def stopped_sshd(lab: Lab, name: str) -> Iterator[None]:
    """Stop a host's sshd, so that connections to it are refused."""
    lab.exec(name, ["systemctl", "stop", "ssh"])
    try:
        yield
    finally:
        lab.exec(name, ["systemctl", "start", "ssh"])
        lab.machine(name).wait_ssh()
