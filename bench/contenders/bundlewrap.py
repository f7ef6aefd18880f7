"""BundleWrap: `bw verify` on a repository with one bundle."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from bench import checks
from bench.contenders.contender import OWN, ROOT, Contender, release
from bench.contenders.ssh import options
from bench.measure import Command, Run
from moor.errors import MoorError

REPOSITORY = ROOT / "bench" / "peers" / "bundlewrap"
ITEMS = len(checks.FILES) + 4
ROW = re.compile(r"│ (\S+) +│ +(\d+) │ +(\d+) │")


@dataclass(frozen=True)
class Bundlewrap(Contender):
    """bw verify, over persistent connections."""

    @property
    def name(self) -> str:
        return "bundlewrap verify"

    @property
    def version(self) -> str:
        return f"bundlewrap {release('bundlewrap')}"

    def prepare(self, hosts: Sequence[str]) -> None:
        repository = self.place / f"repository-{len(hosts)}"
        shutil.copytree(REPOSITORY, repository, ignore=shutil.ignore_patterns("__pycache__"))
        (repository / "checks.json").write_text(json.dumps(checks.facts()))
        nodes = {host: {"hostname": self.address(host), "bundles": ["eight"], "os": "debian"} for host in hosts}
        (repository / "nodes.py").write_text(f"nodes = {nodes!r}\n")
        (repository / "groups.py").write_text("groups = {}\n")
        (repository / "requirements.txt").touch()

    def command(self, hosts: Sequence[str]) -> Command:
        argv = (str(OWN / "bw"), "verify", "--no-diff", f"--parallel-nodes={self.at_once}", *hosts)
        masters = f"-o ControlMaster=auto -o ControlPath={self.place}/%C -o ControlPersist=60s"
        environment = {"BW_SSH_ARGS": f"-l ops {' '.join(options(self.reach))} {masters}"}
        return Command(argv, self.place / f"repository-{len(hosts)}", environment)

    def drifted(self, run: Run, hosts: Sequence[str]) -> set[str]:
        rows = ROW.findall(run.stdout)
        if not rows:
            raise MoorError(f"bundlewrap gave no table: {(run.stdout + run.stderr).strip()[-500:]}")
        return set(hosts) - {name for name, items, good in rows if items == good == str(ITEMS)}
