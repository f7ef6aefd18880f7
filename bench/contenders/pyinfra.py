"""pyinfra: the operations of a deploy, planned by --dry."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from bench import checks
from bench.contenders.contender import OWN, ROOT, Contender, release
from bench.measure import Command, Run
from moor.errors import MoorError

DEPLOY = ROOT / "bench" / "peers" / "pyinfra" / "deploy.py"

READY = re.compile(r"\[(\S+)\] Ready: deploy\.py")
CHANGES = re.compile(r" \d+ \(([^()=]+)\) ")


@dataclass(frozen=True)
class Pyinfra(Contender):
    """pyinfra --dry."""

    @property
    def name(self) -> str:
        return "pyinfra --dry"

    @property
    def version(self) -> str:
        return f"pyinfra {release('pyinfra')}"

    def prepare(self, hosts: Sequence[str]) -> None:
        shutil.copy(DEPLOY, self.place)
        (self.place / "checks.json").write_text(json.dumps(checks.facts()))
        (self.place / "ssh_config").touch()
        for path, content in checks.FILES.items():
            (self.place / path.rpartition("/")[2]).write_text(content)
        shared = {
            "ssh_user": "ops",
            "ssh_port": self.reach.port,
            "ssh_key": str(self.reach.key),
            "ssh_known_hosts_file": str(self.reach.known_hosts),
            "ssh_strict_host_key_checking": "yes",
            "ssh_config_file": str(self.place / "ssh_config"),
        }
        found = [(host, {"ssh_hostname": self.address(host)}) for host in hosts]
        (self.place / f"hosts_{len(hosts)}.py").write_text(f"hosts = ({found!r}, {shared!r})\n")

    def command(self, hosts: Sequence[str]) -> Command:
        argv = (str(OWN / "pyinfra"), "--dry", f"--parallel={self.at_once}", f"hosts_{len(hosts)}.py", "deploy.py")
        return Command(argv, self.place)

    def drifted(self, run: Run, hosts: Sequence[str]) -> set[str]:
        said = run.stdout + run.stderr
        ready = set(READY.findall(said))
        if not ready:
            raise MoorError(f"pyinfra reached nobody: {said.strip()[-500:]}")
        changing = {name for names in CHANGES.findall(said) for name in names.split(", ")}
        return set(hosts) - ready | changing & set(hosts)
