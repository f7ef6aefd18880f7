"""A real sshd on loopback, on a free port, with keys, settings and users of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.servers import answers, free_port
from tests.harness.waiting import until

PASSWORD = "correct horse"

# The users live in a copy of /etc that only this sshd and its children see, and that ends with them.
PRIVATE_ETC = """\
set -eu
mount --make-rprivate /
mkdir -p "$1/root"
mount -t tmpfs tmpfs "$1/root"
mkdir "$1/root/etc" "$1/root/home"
cp -a /etc/. "$1/root/etc"
mount --bind "$1/root/etc" /etc
mount --bind "$1/root/home" /home
mkdir -p /run/sudo && mount -t tmpfs tmpfs /run/sudo
printf '#!/bin/sh\necho "sh: command not found" >&2; exit 127\n' > /etc/shless && chmod 755 /etc/shless
cp "$1/authorized_keys" /etc/authorized_keys
. "$1/users.sh"
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"
"""

# What root's own shell does at its start on this machine is not of the test.
NO_HOME = "Match User root\n    SetEnv HOME=/nonexistent\n"


@dataclass(frozen=True)
class User:
    """Someone who may log in: ``sudo`` is what stands after the name in sudoers, ``profile`` what .bashrc says."""

    name: str
    sudo: str = ""
    login: str = "/bin/bash"
    profile: str = ""

    def script(self) -> str:
        """Return sh that makes the user."""
        lines = [f"useradd -m -s '{self.login}' {self.name}", f"echo '{self.name}:{PASSWORD}' | chpasswd"]
        if self.sudo:
            lines.append(f"printf '%s\\n' '{self.name} {self.sudo}' >> /etc/sudoers.d/tests")
        if self.profile:
            lines += [f"cat > /home/{self.name}/{rc} <<'END'\n{self.profile}\nEND" for rc in (".bashrc", ".cshrc")]
        return "\n".join(lines) + "\n"


def keypair(path: Path, kind: str = "ed25519", passphrase: str = "") -> str:
    """Make a key at ``path`` and give its public half, two words."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True)
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


@dataclass
class Sshd:
    """A running sshd; its users log in by ``key``."""

    directory: Path
    users: tuple[User, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.key, self.known_hosts = self.directory / "key", self.directory / "known_hosts"
        self.host_key = keypair(self.directory / "host_key")
        (self.directory / "authorized_keys").write_text(keypair(self.key) + "\n")
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {self.host_key}\n")

    def __enter__(self) -> Sshd:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> Sshd:
        """Start it and wait until it answers."""
        Path("/run/sshd").mkdir(exist_ok=True)
        chosen = {
            "Port": str(self.port),
            "ListenAddress": "127.0.0.1",
            "HostKey": str(self.directory / "host_key"),
            "AuthorizedKeysFile": "/etc/authorized_keys",
            "PidFile": "none",
            "PermitRootLogin": "yes",
            "StrictModes": "no",
            "UsePAM": "no",
            "MaxStartups": "100",
            **self.settings,
        }
        lines = "".join(f"{name} {value}\n" for name, value in chosen.items())
        (self.directory / "sshd_config").write_text(f"{lines}{NO_HOME}")
        (self.directory / "users.sh").write_text("".join(user.script() for user in self.users))
        script = ["unshare", "-m", "--", "sh", "-c", PRIVATE_ETC, "sh", str(self.directory)]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(script, stderr=log)
        until(lambda: answers(self.port), f"sshd answers; {self.directory}/log says why not", 60, 0.02)
        return self

    def stop(self) -> None:
        """Stop it with every session of it."""
        if self.process is not None:
            self.cut()
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def cut(self) -> None:
        """Cut every connection, as a reboot would."""
        self.signal_sessions(signal.SIGKILL)

    def signal_sessions(self, number: signal.Signals) -> None:
        """Signal the processes that serve connections."""
        for pid in descendants(self.process.pid if self.process else 0):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def options(self, username: str = "root", **extras: Any) -> dict[str, Any]:
        """Return the arguments of ``ShellPlugin.open`` for this sshd."""
        return {
            "hostname": "127.0.0.1",
            "username": username,
            "password": None,
            "port": self.port,
            "platform": None,
            "extras": {"key_file": str(self.key), "known_hosts": str(self.known_hosts), "conn_timeout": 5} | extras,
        }


def descendants(pid: int) -> list[int]:
    """Return the processes that a process began, and theirs."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    children = [int(word) for word in found.stdout.split()]
    return [*children, *(deep for child in children for deep in descendants(child))]


def installed(*programs: str) -> list[str]:
    """Return the paths of those programs that this machine has."""
    return [path for program in programs if (path := shutil.which(program))]
