"""The settings that the running containerd uses: its configuration and CAs as they were when it started.

A file that changed since has no effect on a real node before containerd is restarted. ctr reads everything anew, so
the agent keeps copies from containerd's start and gives ctr those.
"""

import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ..objects import dig
from .containerd import RuntimeFailure

BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
TABLES = (("io.containerd.cri.v1.images", "registry"), ("io.containerd.grpc.v1.cri", "registry"))


@dataclass(frozen=True)
class Effect:
    """containerd's main process, its config_path (may be empty), and variables that give ctr the same CAs."""

    process: int
    hosts: str
    environment: dict[str, str]


def in_effect(state: Path) -> Effect:
    """Return the settings of the running containerd; keep copies of its files in ``state``.

    Raises:
        RuntimeFailure: containerd does not run
    """
    process, started = _started()
    copies = state / "containerd" / started
    if not copies.exists():
        _copy(copies)
        for other in copies.parent.iterdir():
            if other != copies:
                shutil.rmtree(other)
    hosts = (copies / "config_path").read_text()
    bundle, empty = copies / "ca-certificates.crt", copies / "empty"
    return Effect(process, hosts, {"SSL_CERT_FILE": str(bundle), "SSL_CERT_DIR": str(empty)})


def _started() -> tuple[int, str]:
    """Return containerd's main PID and an id of this run of it.

    Raises:
        RuntimeFailure: it does not run
    """
    argv = ["systemctl", "show", "--property", "MainPID,ExecMainStartTimestampMonotonic", "containerd.service"]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    values = dict(line.split("=", 1) for line in shown.splitlines())
    if values.get("MainPID", "0") == "0":
        raise RuntimeFailure("containerd is not running")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return int(values["MainPID"]), f"{boot}-{values['MainPID']}-{values['ExecMainStartTimestampMonotonic']}"


def _copy(copies: Path) -> None:
    beside = copies.with_name(".new")
    shutil.rmtree(beside, ignore_errors=True)
    (beside / "empty").mkdir(parents=True)
    if BUNDLE.exists():
        shutil.copyfile(BUNDLE, beside / "ca-certificates.crt")
    dump = subprocess.run(["containerd", "config", "dump"], capture_output=True, text=True)
    if dump.returncode:
        raise RuntimeFailure(dump.stderr.strip())
    (beside / "config_path").write_text(config_path(dump.stdout))
    beside.rename(copies)


def config_path(dump: str) -> str:
    """Return the first registry directory in a dumped configuration, for any version of containerd."""
    plugins = tomllib.loads(dump).get("plugins", {})
    for table in TABLES:
        found = str(dig(plugins, *table, "config_path") or "")
        if found:
            return found.partition(":")[0]
    return ""
