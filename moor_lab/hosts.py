"""A host of the lab: creates its disk, boots and stops it, and runs programs in it."""

from __future__ import annotations

import os
import shutil
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from moor.errors import HostError
from moor_lab.cgroups import Cgroup
from moor_lab.fleet import Host
from moor_lab.keys import make_keypair, write_file
from moor_lab.machine import run, start
from moor_lab.network import Network, link_name, mac_of

BOOT = Path(__file__).parent / "boot"
GRACE_S = 2  # until the keeper of a host must be in its cgroup
KEY = "ssh_host_ed25519_key"
STORES = ("containerd", "docker")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Machine:
    """A host of the lab, with the directory of its disk and the cgroup of its processes."""

    host: Host
    directory: Path
    cgroup: Cgroup

    @property
    def upper(self) -> Path:
        """Return the writable layer over the image; write to it only while the host is down."""
        return self.directory / "upper"

    @property
    def public_key(self) -> str:
        """Return the public host key, in OpenSSH's format."""
        return make_keypair(self.directory / KEY, self.host.name)

    @property
    def running(self) -> bool:
        """Return whether the host has been started and not powered off."""
        return self.cgroup.populated

    def seed(self, image: Path, hosts_file: str, authorized_key: str, resolver: IPv4Address) -> None:
        """Create the disk unless there is one of this image; a disk with data of earlier boots stays.

        Args:
            resolver: for names that are not in the hosts file; an address of the lab that refuses connections
        """
        marker = self.directory / "image"
        if marker.exists() and marker.read_text() == str(image):
            return
        self._empty_disk()
        write_file(self.upper / "etc/machine-id", f"{uuid.uuid4().hex}\n", 0o444)
        write_file(self.upper / "etc/hostname", f"{self.host.name}\n")
        write_file(self.upper / "etc/hosts", hosts_file)
        # without a name server Docker would use a public one
        write_file(self.upper / "etc/resolv.conf", f"nameserver {resolver}\noptions timeout:1 attempts:1\n")
        write_file(self.upper / "etc/ssh/lab_authorized_keys", f"{authorized_key}\n")
        # the key stays, since it is pinned: a host with a new disk is still the same host
        for kept in (self.directory / KEY, self.directory / f"{KEY}.pub"):
            write_file(self.upper / "etc/ssh" / kept.name, kept.read_text(), kept.stat().st_mode & 0o777)
        write_file(marker, str(image))

    def wipe(self) -> None:
        """Discard the disk of a stopped host, so that it boots like a new one, with its former key."""
        (self.directory / "image").unlink(missing_ok=True)

    def _empty_disk(self) -> None:
        for name in ("upper", "work", "root", "data"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
            (self.directory / name).mkdir(parents=True)
        for store in STORES if self.host.profile != "light" else ():
            (self.directory / "data" / store).mkdir(mode=0o711)
        make_keypair(self.directory / KEY, self.host.name)

    def boot(self, image: Path, network: Network) -> None:
        """Start the host; call ``wait_ssh`` to wait until it is ready."""
        self.cgroup.remove()  # of a host that was powered off
        for group in (self.cgroup, self.cgroup / "keeper", self.cgroup / "exec"):
            group.make() if group is self.cgroup else group.path.mkdir()
        settings = {
            "NAME": self.host.name,
            "DIRECTORY": str(self.directory),
            "LAYERS": str(image),
            "CGROUP": str(self.cgroup.path),
            "LINK": link_name(self.host.address),
            "MAC": mac_of(self.host.address),
            "ADDRESSES": "\n".join(network.addresses(self.host.address)),
            "GATEWAYS": "\n".join(network.gateways),
            "PROFILE": self.host.profile,
        }
        start(
            *("nsenter", f"--net={network.namespace}", "sh", BOOT / "keeper.sh"),
            log=self.directory / "boot.log",
            environment=ENVIRONMENT | settings,
        )

    def wait_ssh(self, limit_s: float = 60) -> float:
        """Wait for the host's sshd and return the seconds that it took.

        Raises:
            HostError: no sshd within the limit; with the end of the boot log
        """
        started = time.monotonic()
        while not answers_ssh(self.host.address):
            waited = time.monotonic() - started
            if waited > limit_s or (waited > GRACE_S and not self.running):
                log = (self.directory / "boot.log").read_text(errors="replace").strip()[-400:]
                raise HostError(
                    f"lab: {self.host.name} has no sshd after {waited:.0f} s: {log or 'its boot log is empty'}"
                )
            time.sleep(0.05)
        return time.monotonic() - started

    def kill(self) -> None:
        """Kill all processes of the host at once; the disk stays."""
        self.cgroup.kill()
        self.cgroup.remove()

    def exec(self, argv: Sequence[str], stdin: str = "", timeout_s: float = 60) -> str:
        """Run a program as root in the host, without SSH, and return its output; raise MoorError if it fails."""
        # the process joins a cgroup beside the host's, whose root must have no processes, for systemd
        join = 'echo 0 >"$1/exec/cgroup.procs"; shift; exec "$@"'
        enter = ["nsenter", f"--target={self.leader()}", "--all", "env", "-i"]
        environment = [f"{key}={value}" for key, value in ENVIRONMENT.items()]
        whole = ["sh", "-c", join, "sh", str(self.cgroup.path), *enter, *environment, *argv]
        return run(*whole, stdin=stdin, timeout_s=timeout_s)

    def leader(self) -> int:
        """Return the PID on this machine of the host's PID 1.

        Raises:
            HostError: the host is down
        """
        for pid in (self.cgroup / "host").pids():
            if _is_first(pid):
                return pid
        raise HostError(f"lab: {self.host.name} is down; boot it with: moor lab up {self.host.name}")


def answers_ssh(address: IPv4Address, timeout_s: float = 1) -> bool:
    """Return whether an SSH server answers at an address."""
    try:
        with socket.create_connection((str(address), 22), timeout_s) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _is_first(pid: int) -> bool:
    """Return whether ``pid`` is PID 1 one namespace below this machine; containers of a host are two below."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    numbers = next(line.split()[1:] for line in lines if line.startswith("NSpid:"))
    here = next(line.split()[1:] for line in Path("/proc/self/status").read_text().splitlines() if "NSpid:" in line)
    return len(numbers) == len(here) + 1 and numbers[-1] == "1"


def render_hosts_file(names: Sequence[tuple[str, IPv4Address]]) -> str:
    """Return the /etc/hosts of a host in the lab, with all hosts of the lab."""
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in names)]
    return os.linesep.join(lines) + os.linesep
