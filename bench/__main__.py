"""The command of the benchmark: ``make bench`` or ``python -m bench``; ``bench.scale`` has its size."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.contenders.contender import OWN
from bench.contenders.everybody import TOOLS
from bench.fleet import light_fleet, running, tell
from bench.measure import Client
from bench.page import page
from bench.parts import PARTS, WITHOUT_LAB, Bench, hosts_needed
from bench.results import Results, Stamp, load, merged, save
from bench.rounds import Failures
from bench.scale import Scale, asked
from moor.errors import MoorError
from moor.run.interruption import INTERRUPTED
from moor_lab.lab import Lab

HERE = Path(__file__).parent


def main() -> int:
    """Measure and write the page; return 1 if something failed, 130 after Ctrl-C. What was measured is kept.

    With the word ``page`` nothing is measured, and the page is written from what is kept.
    """
    try:
        scale = asked(TOOLS, PARTS)
        if sys.argv[1:] == ["page"]:
            write(load(scale.into / "results.json"), scale.into)
            return 0
        with TemporaryDirectory(prefix="bench-") as place:
            failed = measure(Path(place), scale)
    except MoorError as error:
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        tell("bench: interrupted; the page has the parts that were finished")
        return INTERRUPTED
    tell(f"{scale.into / 'results.md'} says what was found")
    if failed:
        tell(f"bench: {len(failed)} measurements failed")
    return 1 if failed else 0


def measure(place: Path, scale: Scale) -> list[str]:
    """Measure the chosen parts, each of which is written at once; return what failed."""
    results = load(scale.into / "results.json")
    parts = [part for part in scale.parts if part in WITHOUT_LAB]
    count = hosts_needed(scale)
    alone = Bench(Client(f"b{scale.network}"), Lab(light_fleet(count, scale.network)), place, scale)
    results, failed = measure_parts(alone, parts, results)
    if count:
        with running(count, scale.network) as lab:
            bench = Bench(Client(lab.fleet.name), lab, place, scale)
            with bench.failures.noted("preparation"):
                bench.prepare()
            failed += bench.failures.found
            parts = [part for part in scale.parts if part not in WITHOUT_LAB]
            failed += measure_parts(bench, parts, results, tuple(bench.failures.found))[1]
    return failed


def measure_parts(
    bench: Bench, parts: list[str], results: Results, before: tuple[str, ...] = ()
) -> tuple[Results, list[str]]:
    """Measure parts and write the page after each.

    Args:
        before: failures of the preparation, which concern every part
    """
    failed: list[str] = []
    for part in parts:
        tell(f"part {part}")
        began, bench.failures = time.monotonic(), Failures()
        figures = {"versions": {contender.name: contender.version for contender in bench.contenders}}
        with bench.failures.noted(part):
            figures |= PARTS[part](bench)
        failed += bench.failures.found
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
        took_s = time.monotonic() - began
        stamp = Stamp(now, machine(), bench.scale.rounds, took_s, [*before, *bench.failures.found])
        results = merged(results, part, stamp, figures)
        write(results, bench.scale.into)
    return results, failed


def machine() -> str:
    """Return the Python that all contenders but ssh run on; one built without optimisation is slower."""
    origin = "the distribution's" if sys.base_prefix == "/usr" else "not the distribution's"
    python = f"Python {platform.python_version()}, {origin}"
    return f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, {python}"


def write(results: Results, into: Path) -> None:
    """Write the results, their page and its plot."""
    save(results, into / "results.json")
    missed = into / "missed.md"  # written by hand
    (into / "results.md").write_text(page(results, missed.read_text("utf-8") if missed.exists() else ""), "utf-8")
    costs = {
        name: {size: found.cpu_s * 1000 / size for size, found in sizes.items()}
        for name, sizes in results.table.items()
    }
    argv = [str(OWN / "python"), str(HERE / "plot.py"), str(into / "results.svg")]
    if costs and subprocess.run(argv, input=json.dumps(costs), text=True, check=False).returncode:
        tell("bench: the plot could not be drawn")


if __name__ == "__main__":
    sys.exit(main())
