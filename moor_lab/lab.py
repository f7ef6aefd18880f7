"""A lab: the hosts of a fleet file, booted on this machine and reached over SSH like any other hosts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from moor.errors import InputError, MoorError
from moor_lab import kubernetes
from moor_lab.cgroups import Cgroup, cgroup2_root
from moor_lab.fleet import Fleet, Host
from moor_lab.hosts import Machine, answers_ssh, render_hosts_file
from moor_lab.images import CACHE, build_images, expect_images, recipe_of
from moor_lab.keys import known_hosts, make_keypair, make_password, write_file
from moor_lab.limits import raise_limits, restore_limits
from moor_lab.machine import RUNTIME, Progress, check_machine, ignore_progress, locked, plain_umask
from moor_lab.network import Network

BOOTS_AT_ONCE = 8
SECRETS = ("harbor-admin", "ca-passphrase")


@dataclass(frozen=True)
class Status:
    """The current state of one host: running, booting (no sshd yet) or down."""

    name: str
    address: IPv4Address
    suite: str
    profile: str
    state: str


class Lab:
    """The lab of one fleet file; hosts that are added later are kept in a file in its directory.

    Attributes:
        fleet: the fleet file, with hosts that were added later
        cache: the directory of images, which several labs may share
        progress: called with a message about slow steps
    """

    def __init__(self, fleet: Fleet, cache: Path = CACHE, progress: Progress = ignore_progress) -> None:
        self.cache = cache
        self.progress = progress
        self.directory = fleet.directory
        self.fleet = self._with_added(fleet)
        self.cgroup = Cgroup((cgroup2_root() or Path("/sys/fs/cgroup")) / f"moor-{fleet.name}")
        self.network = Network(self.fleet, self.cgroup / "network")

    @property
    def key(self) -> Path:
        """Return the private key of the user ``ops`` on every host."""
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """Return the known_hosts file with the keys of all hosts."""
        return self.directory / "known_hosts"

    def machine(self, name: str) -> Machine:
        """Return one host.

        Raises:
            InputError: the lab has no host of that name
        """
        if name not in self.fleet.hosts:
            raise InputError(f"lab: no host {name}; there are {', '.join(self.fleet.hosts)}")
        return Machine(self.fleet.hosts[name], self.directory / "hosts" / name, self.cgroup / f"host-{name}")

    def up(self, names: Iterable[str] | None = None) -> list[str]:
        """Boot the stopped ones of ``names`` (default: all hosts) and return the names of those that were booted."""
        machines = [self.machine(name) for name in names or self.fleet.hosts]
        check_machine(self.cache, cgroup2_root())
        with self._locked(), plain_umask():
            self._prepare()
            down = [machine for machine in machines if not machine.running]
            self._boot(down)
            self._pin_keys()
            for machine in machines:
                machine.wait_ssh()
        return [machine.host.name for machine in down]

    def build(self) -> None:
        """Build the images that the fleet needs and the cache lacks, and boot nothing."""
        check_machine(self.cache, cgroup2_root())
        with plain_umask():
            build_images(map(recipe_of, self.fleet.hosts.values()), self.cache, self.progress)

    def expect(self) -> None:
        """Note which images a build would make, for its progress."""
        expect_images(map(recipe_of, self.fleet.hosts.values()), self.cache)

    def add(self, host: Host) -> None:
        """Add a host to the running lab, boot it, and add its name to the others' hosts files."""
        fleet = self.fleet.with_host(host)
        added = [*self._added(), host]
        write_file(self._added_file, json.dumps([each.model_dump(mode="json") for each in added]))
        self.fleet = fleet
        self.up([host.name])
        if host.role == "node":
            kubernetes.reload_tokens(self.machine(kubernetes.control_plane_of(fleet).name), fleet)
        line = f"{host.address} {host.name}"
        for name in fleet.hosts:
            if name != host.name and self.machine(name).running:
                self.exec(name, ["sh", "-c", 'echo "$1" >>/etc/hosts', "sh", line])

    def reset(self, name: str) -> None:
        """Boot a host with a new disk; its key and address stay."""
        machine = self.machine(name)
        machine.kill()
        machine.wipe()
        self.up([name])

    def down(self, *, secrets: bool = False, cache: bool = False) -> None:
        """Stop all hosts and remove their disks; nothing of the lab is left on the machine.

        Args:
            secrets: removes the passwords too; they stay otherwise, for a site's certificates are encrypted with one.
            cache: removes the images too.
        """
        with self._locked(), plain_umask():
            self.cgroup.kill()  # at once: hosts, their keepers and the network
            self.cgroup.remove()
            self.network.await_gone()
            restore_limits(self.fleet.name)
            self._remove_state(secrets)
        if cache:
            shutil.rmtree(self.cache, ignore_errors=True)
        if RUNTIME.exists() and not any(RUNTIME.iterdir()):
            RUNTIME.rmdir()

    def status(self) -> list[Status]:
        """Return the state of every host."""
        return [self._status(self.machine(name)) for name in self.fleet.hosts]

    def exec(self, name: str, argv: Sequence[str], stdin: str = "", timeout_s: float = 60) -> str:
        """Run a program as root on a host, without SSH, and return its output; raise MoorError if it fails."""
        return self.machine(name).exec(argv, stdin, timeout_s)

    def ssh_argv(self, name: str) -> list[str]:
        """Return the command that logs in to a host as an operator would."""
        return [
            *("ssh", "-i", str(self.key), "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=yes"),
            *("-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "LogLevel=ERROR"),
            f"ops@{self.machine(name).host.address}",
        ]

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        make_keypair(self.key, "ops@moor-lab")
        for name in SECRETS:
            make_password(self.directory / "secrets" / name)
        raise_limits(self.fleet.name)
        self.cgroup.make()
        self.network.up()

    def _boot(self, machines: Sequence[Machine]) -> None:
        if not machines:
            return
        images = build_images((recipe_of(machine.host) for machine in machines), self.cache, self.progress)
        addresses = [(name, host.address) for name, host in self.fleet.hosts.items()]
        for machine in machines:
            image = images[recipe_of(machine.host)]
            authorized = self.key.with_name("id_ed25519.pub").read_text().strip()
            machine.seed(image, render_hosts_file(addresses), authorized, self.fleet.gateway)
            self._seed_kubernetes(machine)
        with ThreadPoolExecutor(BOOTS_AT_ONCE) as pool:
            list(pool.map(lambda machine: self._boot_one(machine, images[recipe_of(machine.host)]), machines))

    def _boot_one(self, machine: Machine, image: Path) -> None:
        machine.boot(image, self.network)
        self.progress(f"{machine.host.name}: ssh after {machine.wait_ssh():.1f} s")

    def _seed_kubernetes(self, machine: Machine) -> None:
        if machine.host.role:
            kubernetes.seed(machine.host, machine.upper, self.fleet)

    def _pin_keys(self) -> None:
        booted = [self.machine(name) for name in self.fleet.hosts if self.machine(name).upper.exists()]
        lines = [(machine.host.name, str(machine.host.address), machine.public_key) for machine in booted]
        write_file(self.known_hosts, known_hosts(lines))

    def _status(self, machine: Machine) -> Status:
        host = machine.host
        state = "down" if not machine.running else "running" if answers_ssh(host.address) else "booting"
        return Status(host.name, host.address, host.suite, host.profile, state)

    def _remove_state(self, secrets: bool) -> None:
        for entry in self.directory.iterdir() if self.directory.exists() else ():
            if entry.name == "secrets" and not secrets:
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if self.directory.exists() and not any(self.directory.iterdir()):
            self.directory.rmdir()

    @property
    def _added_file(self) -> Path:
        return self.directory / "added.json"

    def _added(self) -> list[Host]:
        if not self._added_file.exists():
            return []
        return [Host.model_validate(entry) for entry in json.loads(self._added_file.read_text())]

    def _with_added(self, fleet: Fleet) -> Fleet:
        for host in self._added():
            if host.name not in fleet.hosts:
                fleet = fleet.with_host(host)
        return fleet

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with locked(RUNTIME / f"{self.fleet.name}.lock", self.progress):
                yield
        except PermissionError as error:
            raise MoorError("lab: this needs root; run it with sudo") from error
