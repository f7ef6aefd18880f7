"""Raw ssh, the lower bound: one script over a new connection per host, without plan, comparison or history."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from bench import checks
from bench.contenders.contender import Contender
from bench.measure import Command, Run
from bench.reach import Reach
from moor.errors import MoorError

FAST = ("-o", "KexAlgorithms=curve25519-sha256", "-c", "aes128-gcm@openssh.com")
PATHS = " ".join(checks.FILES)
FACTS = f"""\
sha256sum {PATHS}; stat -c '%U:%G %04a %n' {PATHS}
grep -cxF {quote(checks.HOSTS_LINE)} /etc/hosts
service {checks.SERVICE} status >/dev/null && echo runs
nft list ruleset
[ "$(df -Pk {checks.ROOM} | awk 'END {{ print $4 }}')" -ge {checks.ROOM_KB} ] && echo room"""
# One write of one line per host, so that lines of twenty concurrent hosts do not mix.
SCRIPT = f"echo $(hostname) $(sudo -n sh -c {quote(FACTS)} 2>&1)"


def options(reach: Reach) -> list[str]:
    """Return ssh's options: strict host keys, the fastest common algorithms, no configuration of the user."""
    return [
        *("-F", "none", "-i", str(reach.key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={reach.known_hosts}", "-o", "LogLevel=ERROR"),
        *("-o", f"Port={reach.port}"),
        *FAST,
    ]


@dataclass(frozen=True)
class Ssh(Contender):
    """OpenSSH's client, started by xargs."""

    @property
    def name(self) -> str:
        return "raw ssh"

    @property
    def version(self) -> str:
        said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
        return f"{said.split(',')[0]}, curve25519, aes128-gcm"

    def prepare(self, hosts: Sequence[str]) -> None:
        (self.place / f"hosts-{len(hosts)}").write_text("".join(f"ops@{self.address(host)}\n" for host in hosts))

    def command(self, hosts: Sequence[str]) -> Command:
        each = ("ssh", *options(self.reach), "{}", SCRIPT)
        argv = ("xargs", f"--arg-file=hosts-{len(hosts)}", f"--max-procs={self.at_once}", "-I{}", *each)
        return Command(argv, self.place)

    def drifted(self, run: Run, hosts: Sequence[str]) -> set[str]:
        said = dict(line.partition(" ")[::2] for line in run.stdout.splitlines())
        if not said:
            raise MoorError(f"ssh said nothing: {run.stderr.strip()[-500:]}")
        right = wanted()
        return {host for host in hosts if said.get(host) != right}


def wanted() -> str:
    """Return the line of a host without drift."""
    from hashlib import sha256

    sums = " ".join(f"{sha256(content.encode()).hexdigest()} {path}" for path, content in checks.FILES.items())
    modes = " ".join(f"{checks.OWNER} {checks.MODE} {path}" for path in checks.FILES)
    return f"{sums} {modes} 1 runs {' '.join(checks.RULESET.split())} room"
