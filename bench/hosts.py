"""Preparation of hosts for the benchmark: sets up what is checked, causes drift, mends it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from shlex import quote

from bench import checks
from bench.contenders.contender import WORKERS
from bench.contenders.ssh import options
from bench.reach import direct
from moor.errors import MoorError
from moor_lab.lab import Lab

LIMIT_S = 120


def root(lab: Lab, host: str, script: str) -> None:
    """Run a script as root; raise MoorError if it fails."""
    argv = ["ssh", *options(direct(lab)), f"ops@{lab.fleet.hosts[host].address}", "sudo -n sh -es"]
    done = subprocess.run(argv, input=script, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode:
        raise MoorError(f"bench: {host}: {done.stderr.strip()[-400:]}")


def everywhere(lab: Lab, hosts: Sequence[str], script: str) -> None:
    """Run a script as root on many hosts."""
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda host: root(lab, host, script), hosts))


def furnish() -> str:
    """Return the script that sets up what is checked on a new host."""
    files = "".join(f"printf %s {quote(content)} >{path}\n" for path, content in checks.FILES.items())
    modes = f"chmod {checks.MODE} {' '.join(checks.FILES)}\nchown {checks.OWNER} {' '.join(checks.FILES)}\n"
    return f"mkdir -p /etc/bench\n{files}{modes}{checks.ADD_LINE}\n{checks.LOAD_RULES}\n"
