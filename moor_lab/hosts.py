"""One host of the lab: its disk, its boot, its end."""

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
from moor_lab.keys import make_keypair, place
from moor_lab.machine import run, start
from moor_lab.network import Network, link_name, mac_of

BOOT = Path(__file__).parent / "boot"
GRACE_S = 2  # until the keeper of a host must be in its cgroup
KEY = "ssh_host_ed25519_key"
STORES = ("containerd", "docker")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Machine:
    """A host with its place in the lab: ``directory`` is its disk, ``cgroup`` holds all of its processes."""

    host: Host
    directory: Path
    cgroup: Cgroup

    @property
    def upper(self) -> Path:
        """The layer of the disk that holds what differs from the image; to be written only while the host is down."""
        return self.directory / "upper"

    @property
    def public_key(self) -> str:
        """Return the host's SSH key, in OpenSSH's form."""
        return make_keypair(self.directory / KEY, self.host.name)

    @property
    def running(self) -> bool:
        """Return whether the host was started and not powered off."""
        return self.cgroup.populated

    def seed(self, image: Path, hosts_file: str, authorized_key: str, resolver: IPv4Address) -> None:
        """Make the disk, where there is none of this image yet; what the host wrote since its first boot stays.

        Args:
            resolver: of names that are not in the hosts file: an address of the lab where nobody answers, and says so.
        """
        marker = self.directory / "image"
        if marker.exists() and marker.read_text() == str(image):
            return
        self._empty_disk()
        place(self.upper / "etc/machine-id", f"{uuid.uuid4().hex}\n", 0o444)
        place(self.upper / "etc/hostname", f"{self.host.name}\n")
        place(self.upper / "etc/hosts", hosts_file)
        # without any name server Docker would ask one of its makers' choice, out there
        place(self.upper / "etc/resolv.conf", f"nameserver {resolver}\noptions timeout:1 attempts:1\n")
        place(self.upper / "etc/ssh/lab_authorized_keys", f"{authorized_key}\n")
        # the key is pinned by then: a host that starts from a bare disk once more is still the same host
        for kept in (self.directory / KEY, self.directory / f"{KEY}.pub"):
            place(self.upper / "etc/ssh" / kept.name, kept.read_text(), kept.stat().st_mode & 0o777)
        place(marker, str(image))

    def wipe(self) -> None:
        """Forgets the disk of a host that is down: it boots as on the first day, with the key it had."""
        (self.directory / "image").unlink(missing_ok=True)

    def _empty_disk(self) -> None:
        for name in ("upper", "work", "root", "data"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
            (self.directory / name).mkdir(parents=True)
        for store in STORES if self.host.profile != "light" else ():
            (self.directory / "data" / store).mkdir(mode=0o711)
        make_keypair(self.directory / KEY, self.host.name)

    def boot(self, image: Path, network: Network) -> None:
        """Start the host; it is ready when ``wait_ssh`` says so."""
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
        """Return the seconds until the host's sshd greets; Raises HostError with the end of its boot log."""
        started = time.monotonic()
        while not greets(self.host.address):
            waited = time.monotonic() - started
            if waited > limit_s or (waited > GRACE_S and not self.running):
                log = (self.directory / "boot.log").read_text(errors="replace").strip()[-400:]
                raise HostError(f"lab: {self.host.name} has no sshd after {waited:.0f} s: {log or 'no word from it'}")
            time.sleep(0.05)
        return time.monotonic() - started

    def kill(self) -> None:
        """Pull the plug; the disk stays."""
        self.cgroup.kill()
        self.cgroup.remove()

    def exec(self, argv: Sequence[str], stdin: str = "", timeout_s: float = 60) -> str:
        """Run a program as root in the host, without SSH, and return its output; a failure raises MoorError."""
        # the process joins a group beside the host's own, for that one's root must stay empty for systemd
        join = 'echo 0 >"$1/exec/cgroup.procs"; shift; exec "$@"'
        enter = ["nsenter", f"--target={self.leader()}", "--all", "env", "-i"]
        environment = [f"{key}={value}" for key, value in ENVIRONMENT.items()]
        whole = ["sh", "-c", join, "sh", str(self.cgroup.path), *enter, *environment, *argv]
        return run(*whole, stdin=stdin, timeout_s=timeout_s)

    def leader(self) -> int:
        """Return the host's PID 1, as this machine numbers it; Raises HostError while the host is down."""
        for pid in (self.cgroup / "host").pids():
            if _is_first(pid):
                return pid
        raise HostError(f"lab: {self.host.name} is down; boot it with: moor lab up {self.host.name}")


def greets(address: IPv4Address, timeout_s: float = 1) -> bool:
    """Return whether an SSH server answers there."""
    try:
        with socket.create_connection((str(address), 22), timeout_s) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _is_first(pid: int) -> bool:
    """Return whether ``pid`` is PID 1 of a namespace one below this machine's: a container inside is two below."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    numbers = next(line.split()[1:] for line in lines if line.startswith("NSpid:"))
    here = next(line.split()[1:] for line in Path("/proc/self/status").read_text().splitlines() if "NSpid:" in line)
    return len(numbers) == len(here) + 1 and numbers[-1] == "1"


def joinable(names: Sequence[tuple[str, IPv4Address]]) -> str:
    """Return the /etc/hosts of a host in the lab: itself and its neighbours."""
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in names)]
    return os.linesep.join(lines) + os.linesep
