"""Kernel limits that all hosts of all labs share, raised while a lab runs and restored when the last one stops."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from moor_lab.machine import RUNTIME, locked

PROC_SYS = Path("/proc/sys")
WANTED = {
    "fs/inotify/max_user_instances": 65536,  # Debian's 128 is used up by four systemds
    "fs/inotify/max_user_watches": 1048576,
    "kernel/keys/maxkeys": 20000,
    "kernel/keys/maxbytes": 2000000,
    "kernel/pty/max": 16384,
    "net/ipv4/neigh/default/gc_thresh1": 4096,
    "net/ipv4/neigh/default/gc_thresh2": 8192,
    "net/ipv4/neigh/default/gc_thresh3": 16384,
}


@dataclass
class LimitsRecord:
    """The running labs, the limits before the first of them started, and the raised limits."""

    labs: list[str] = field(default_factory=list)
    former: dict[str, int] = field(default_factory=dict)


def raise_limits(lab: str, runtime: Path = RUNTIME, proc_sys: Path = PROC_SYS) -> None:
    """Raise limits that are too low; record the former values first, so that they survive a killed lab."""
    with locked(runtime / "limits.lock"):
        record = _read(runtime)
        record.labs = sorted({*record.labs, lab})
        for name, wanted in WANTED.items():
            present = _present(proc_sys / name)
            if present is not None and present < wanted:
                record.former.setdefault(name, present)
        _write(runtime, record)
        for name in record.former:
            (proc_sys / name).write_text(str(WANTED[name]))


def restore_limits(lab: str, runtime: Path = RUNTIME, proc_sys: Path = PROC_SYS) -> None:
    """Restore the former limits unless another lab still runs; keep a limit that was changed by others."""
    if not runtime.exists():
        return
    with locked(runtime / "limits.lock"):
        record = _read(runtime)
        record.labs = [name for name in record.labs if name != lab]
        if record.labs:
            _write(runtime, record)
            return
        for name, former in record.former.items():
            if _present(proc_sys / name) == WANTED[name]:
                (proc_sys / name).write_text(str(former))
        (runtime / "limits.json").unlink(missing_ok=True)


def _present(path: Path) -> int | None:
    return int(path.read_text()) if path.exists() else None


def _read(runtime: Path) -> LimitsRecord:
    path = runtime / "limits.json"
    return LimitsRecord(**json.loads(path.read_text())) if path.exists() else LimitsRecord()


def _write(runtime: Path, record: LimitsRecord) -> None:
    beside = runtime / "limits.json.new"
    beside.write_text(json.dumps(asdict(record)))
    beside.rename(runtime / "limits.json")
