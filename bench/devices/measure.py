"""What a check of network devices costs, beside bare reads by Netmiko."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.contenders.contender import ROOT
from bench.devices.contents import address_of, configuration
from bench.fleet import tell
from bench.measure import Client, Command
from bench.standin_process import must, serving
from moor.runner.loop_runner import THREADS

STAND_IN, BARE = "bench.devices.server", "bench.devices.bare"


@dataclass(frozen=True)
class DevicesMeasured:
    """Checks of devices that are as they should be, and bare reads of what the checks read.

    Attributes:
        lines: of each configuration
        logins: of a check
        shown: configurations that a check read, the saved ones too
        cpu_s: of a check, from the start of Python on
        check_s: its time
        first_cpu_s: of the first check, which keeps all configurations
        bare_cpu_s: of the bare reads, likewise
        bare_s: their time
    """

    devices: int
    lines: int
    logins: int
    shown: int
    cpu_s: float
    check_s: float
    first_cpu_s: float
    bare_cpu_s: float
    bare_s: float


def measure_devices(client: Client, directory: Path, devices: int, rounds: int) -> DevicesMeasured:
    """Measure drift checks and bare reads in turn."""
    with serving(STAND_IN, directory, devices) as server:
        port = int(server.first)
        first = must(client.run(check_command(directory)))
        checks, bare, logins, shown = [], [], 0, 0
        for _ in range(rounds):
            server.asked()
            checks.append(must(client.run(check_command(directory))))
            logins, shown = server.asked()
            bare.append(must(client.run(bare_command(directory, port, devices))))
    found = DevicesMeasured(
        devices,
        len(configuration(address_of(0)).splitlines()),
        logins,
        shown,
        cpu_s=median(run.cpu_s for run in checks),
        check_s=median(run.wall_s for run in checks),
        first_cpu_s=first.cpu_s,
        bare_cpu_s=median(run.cpu_s for run in bare),
        bare_s=median(run.wall_s for run in bare),
    )
    tell(f"check of {devices} devices: {found.cpu_s:.1f} s of CPU, bare reads {found.bare_cpu_s:.1f} s")
    return found


def check_command(directory: Path) -> Command:
    """Return the command of a check."""
    argv = (sys.executable, "-m", "moor", "drift", "--runbook", "devices", "--site", str(directory / "site"), "--quiet")
    return Command(argv, ROOT)


def bare_command(directory: Path, port: int, devices: int) -> Command:
    """Return the command of the bare reads."""
    return Command((sys.executable, "-m", BARE, str(directory), str(port), str(devices), str(THREADS)), ROOT)
