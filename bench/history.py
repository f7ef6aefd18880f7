"""Benchmark of history with 500 runs of 1000 hosts; ``python -m bench.history`` writes bench/history.md."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from moor.settings import SiteSettings
from tests.output.pages.filled import fill

HERE = Path(__file__).parent
HOSTS, RUNS, TIMES = 1000, 500, 5
WANTED = {
    ("report",): "under 5 s",
    ("history",): "under 1 s",
    ("history", "--host", "node7"): "under 1 s",
    ("history", "20261124-14"): "under 1 s",
}


def main() -> None:
    """Measure and write the page."""
    with TemporaryDirectory() as place:
        site = Path(place)
        (site / "inventory").mkdir()
        (site / "inventory/hosts.yaml").write_text("node1: {}\n")
        (site / "config.yaml").write_text("user_defined: {moor: {history_days: 100000}}\n")
        fill(SiteSettings.at(site, state=site / ".moor"), HOSTS, RUNS)
        rows = [
            f"| `moor {' '.join(words)}` | {seconds(site, words):.2f} | {wanted} |" for words, wanted in WANTED.items()
        ]
        sizes = [(site / ".moor" / name).stat().st_size / 1e6 for name in ("report.html", "history.db")]
    (HERE / "history.md").write_text(page(rows, *sizes), "utf-8")


def seconds(site: Path, words: tuple[str, ...]) -> float:
    """Return the median wall time of a command, including the start of Python."""
    argv = [sys.executable, "-m", "moor", *words, "--site", str(site)]
    return median(once(argv) for _ in range(TIMES))


def once(argv: list[str]) -> float:
    """Run a command and return its wall time."""
    began = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=HERE.parent)
    return time.monotonic() - began


def page(rows: list[str], report_mb: float, database_mb: float) -> str:
    """Return the page with the results."""
    table = "\n".join(rows)
    return f"""\
# History with {RUNS} runs of {HOSTS} hosts

Written by `python -m bench.history`. Median of {TIMES}, wall time in seconds with the start of Python.

| command | s | wanted |
|---|---|---|
{table}

The page has {report_mb:.1f} MB (wanted: under 5), the SQLite file {database_mb:.0f} MB.

Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} CPUs, {platform.system()}.
"""


if __name__ == "__main__":
    main()
