"""A site whose hosts are one sshd at many loopback addresses, and Dask's scheduler and workers for it, behind TLS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from tests.harness.commands import Done, moor
from tests.harness.servers import free_port
from tests.harness.sites import Content, write_site
from tests.harness.sshd import Sshd, descendants
from tests.harness.waiting import until

ENDS_S = 900  # whatever happens, a scheduler or worker ends by itself
WAIT_S = 60
HOSTS = [f"host{number}" for number in range(6)]
ALONE = {HOSTS[0]: ["harbor"]}
NO_GARBAGE_COLLECTION = "import gc; gc.disable()"  # nothing may depend on it
TLS_WORDS = ("ca-file", "cert", "key")
GONE = "gone"  # a host whose sshd is not there
PASSWORD = "kreuzspinne-78231"

# Each address is a host with a /run, a /var/lib/moor and a /mnt of its own, as far as moor can see.
AS_HOST = """\
#!/bin/sh
set -- $SSH_CONNECTION
exec unshare -m -- sh -c 'for at in /run /mnt /var/lib; do
  mkdir -p "$1$at" && mount --bind "$1$at" "$at" || exit 1
done; eval "$SSH_ORIGINAL_COMMAND"' sh "{folder}/$3"
"""

TASK = '''\
"""Files on a host, and one step that takes its time."""

import time

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.engine.asking import shell_of
from moor.engine.asked_once import ask_once
from moor.errors import HostError
from moor.resources.base import Resource
from moor.resources.file import File
from moor.settings import Section, SecretRef, settings_of
from moor.tasks.pki.rotation import unverified_hosts

held = []  # as garbage that is not collected, or a site's own cache, would keep it

class Marks(Section):
    section = "marks"
    slow_s: float = 0
    password: SecretRef


def desired(host: Host) -> list[Resource]:
    password = settings_of(host, Marks).password.resolve()
    return [File("/mnt/motd", f"this is {host.name}\\n"), File("/mnt/password", password, mode="0600")]


def write_marks(task: Task) -> Result:
    return converge(task, desired(task.host))


def take_time(task: Task) -> Result:
    """Note begin and end on the host, which no run may leave out or do twice."""
    slow_s = settings_of(task.host, Marks).slow_s
    held.append(task)
    shell_of(task).run(f"echo begun >> /mnt/log; sleep {slow_s}; echo ended >> /mnt/log")
    ask_once(task, ("asked",), lambda: time.sleep(0.01))
    return Result(host=task.host, result="took its time")


def fail_on_second(task: Task) -> Result:
    if task.host.name == "host1":
        raise HostError("it is sick")
    return Result(host=task.host)


def note_doubts(task: Task) -> Result:
    """Note which hosts the run has not seen to be well, as the step to a next CA asks."""
    shell_of(task).run(f"echo {' '.join(unverified_hosts(task))} > /mnt/doubts")
    return Result(host=task.host)


def tell_all(task: Task) -> Result:
    """Fail with a secret in the words, as a task may that was not written with care."""
    password = settings_of(task.host, Marks).password.resolve().reveal()
    raise (HostError if task.host.name < "host3" else ValueError)(f"no login with {password}")
'''
RUNBOOKS = {
    "marks": "Stage(write_marks, rolling=Rolling(batch=4)), Stage(take_time)",
    "telling": "Stage(tell_all)",
    "waiting": "Stage(take_time)",
    "doubting": "Stage(fail_on_second), Stage(note_doubts, on=F(name='host0'))",
}
RUNBOOK = '''\
"""Marks on hosts."""

from nornir.core.filter import F

from moor.run.runbook import Rolling, Runbook, Stage
from tasks.marks import fail_on_second, note_doubts, take_time, tell_all, write_marks

RUNBOOK = Runbook("{name}", __doc__, ({stages},))
'''
ROTATION = '''\
"""The steps of a rotation that are the controller's own: these hosts have no Harbor."""

from moor.run.runbook import Runbook, Stage, members
from moor.tasks.pki.issue import issue_certificates
from moor.tasks.pki.rotation import Renewal, make_next_ca, promote_ca

HARBOR = members("harbor")
STAGES = tuple(Stage(task, on=HARBOR) for task in (make_next_ca, promote_ca, issue_certificates))
RUNBOOK = Runbook("rotation", __doc__, STAGES, command=Renewal())
'''


def certificates(folder: Path, name: str) -> dict[str, str]:
    """Make a CA with one certificate, which scheduler, workers and controller share."""
    folder.mkdir()
    here: dict[str, str] = {kind: str(folder / f"{kind}.pem") for kind in ("ca", "cert", "key")}
    ca_key, request = str(folder / "ca.key"), str(folder / "request")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for words in (
        ["req", "-x509", *curve, "-keyout", ca_key, "-out", here["ca"], "-subj", f"/CN={name}", "-days", "2"],
        ["req", *curve, "-keyout", here["key"], "-out", request, "-subj", "/CN=moor"],
        ["x509", "-req", "-in", request, "-CA", here["ca"], "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
         "-out", here["cert"]],
    ):  # fmt: skip
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    return here


@dataclass
class Grounds:
    """The site, its hosts, and the processes of Dask."""

    folder: Path
    sshd: Sshd
    tls: Mapping[str, str]
    port: int = field(default_factory=free_port)
    nobody: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def scheduler(self) -> str:
        return f"tls://127.0.0.1:{self.port}"

    def write(self) -> None:
        """Write the site, all but its config.yaml."""
        books = {f"runbooks/{name}.py": RUNBOOK.format(name=name, stages=stages) for name, stages in RUNBOOKS.items()}
        files = {"tasks/marks.py": TASK, "runbooks/rotation.py": ROTATION, **books}
        write_site(self.site, files, {"password": PASSWORD})

    def fleet(
        self,
        hosts: Sequence[str] = HOSTS,
        runner: Mapping[str, Any] | None = None,
        slow_s: float = 0,
        roles: Mapping[str, Sequence[str]] = ALONE,
    ) -> Path:
        """Write the inventory of these hosts, and the runner into config.yaml; ``roles`` are groups by host."""
        port = {name: self.sshd.port for name in HOSTS} | {GONE: self.nobody}
        entries = {
            name: {"hostname": address(name), "port": port[name], "groups": list(roles.get(name, ()))} for name in hosts
        }
        data = {
            "ssh_host_key": self.sshd.host_key,
            "marks": {"slow_s": slow_s, "password": "file:password"},
            "registry": {"name": "registry.moor.test", "address": "10.9.0.1"},
            "pki": {"passphrase": "file:password"},
        }
        shell = {"extras": {"key_file": str(self.sshd.key), "conn_timeout": 30}}
        files: dict[str, Content] = {
            "config.yaml": {"runner": runner or self.dask()},
            "inventory/hosts.yaml": entries,
            "inventory/groups.yaml": {"harbor": {}, "nodes": {}},
            "inventory/defaults.yaml": {"username": "root", "connection_options": {"shell": shell}, "data": data},
        }
        return write_site(self.site, files)

    def dask(self, **options: Any) -> dict[str, Any]:
        """Return ``runner`` of config.yaml."""
        return {"plugin": "dask", "options": {"scheduler": self.scheduler, "num_workers": 2, **self.tls, **options}}

    def start(self, name: str) -> None:
        """Start the scheduler, or a worker of any other name."""
        keys = [
            f"--tls-{what}={self.tls[kind]}" for what, kind in (("ca-file", "ca"), ("cert", "cert"), ("key", "key"))
        ]
        own = {
            "scheduler": ["scheduler", f"--host={self.scheduler.rpartition(':')[0]}", f"--port={self.port}"],
        }.get(
            name, ["worker", self.scheduler, "--no-nanny", "--nthreads=4", f"--name={name}", "--host=tls://127.0.0.1"]
        )
        argv = [
            "timeout",
            "-k",
            "10",
            str(ENDS_S),
            sys.executable,
            "-m",
            "dask",
            *own,
            *keys,
            *(["--preload", NO_GARBAGE_COLLECTION] if name != "scheduler" else ()),
            "--no-dashboard",
            "--dashboard-address=127.0.0.1:0",
        ]
        settings = {"DASK_TEMPORARY_DIRECTORY": str(self.folder), "PYTHONWARNINGS": "default"}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                argv, stdout=log, stderr=log, env={**os.environ, **settings}, cwd=self.folder
            )

    def ready(self, name: str) -> None:
        """Wait until a worker has registered."""
        until(lambda: "Registered to:" in self.log(name), f"{name} registers")

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def kill(self, name: str) -> None:
        """End a process by SIGKILL."""
        pid = self.processes[name].pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        self.processes.pop(name).wait(WAIT_S)

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def forget(self) -> None:
        """Make every host bare again."""
        for name in HOSTS:
            for file in (self.on(name) / "mnt").glob("*"):
                file.unlink()

    def on(self, name: str) -> Path:
        """Return the folder that holds what a host has."""
        return self.folder / "hosts" / address(name)

    def noted(self, name: str) -> list[str]:
        """Return what ``take_time`` has noted on a host."""
        log = self.on(name) / "mnt/log"
        return log.read_text().split() if log.exists() else []

    def sshd_log(self) -> str:
        return (self.sshd.directory / "log").read_text()

    def sessions(self) -> list[int]:
        """Return the processes of connections that are open."""
        return descendants(self.sshd.process.pid if self.sshd.process else 0)

    def moor(self, *words: str) -> Done:
        """Type a command."""
        return moor(self.site, *words, limit_s=200)


def told(report: dict[str, Any]) -> dict[str, Any]:
    """Return a command's report without what differs from run to run."""
    return {key: value for key, value in report.items() if key not in ("run", "started", "duration_s")}


def address(name: str) -> str:
    """Return a host's address, of loopback."""
    return str(IPv4Address("127.7.0.1") + [*HOSTS, GONE].index(name))


def serving(folder: Path) -> Sshd:
    """Return an sshd that listens at every host's address."""
    folder.mkdir()
    as_host = folder / "as_host"
    as_host.write_text(AS_HOST.format(folder=folder.parent / "hosts"))
    as_host.chmod(0o755)
    listening = "\nListenAddress ".join(["127.0.0.1", *map(address, HOSTS)])
    return Sshd(folder, settings={"ListenAddress": listening, "ForceCommand": str(as_host)})
