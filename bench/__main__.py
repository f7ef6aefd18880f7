"""The command of the benchmark: ``make bench`` or ``python -m bench``; ``bench.scale`` has its size."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.alone import applied, libraries, library_ms, start, uploaded, warm_ms
from bench.contenders.contender import OWN
from bench.contenders.everybody import TOOLS, entered
from bench.contenders.moor import Moor
from bench.fit import nearest_size
from bench.fleet import link_of, names, running, tell
from bench.hosts import everywhere, furnish
from bench.measure import Client
from bench.page import page
from bench.proof import HOSTS, prove
from bench.results import AT, LINK_MBIT, Results
from bench.rounds import measured, turns
from bench.scale import Scale, asked
from moor.errors import MoorError
from moor.run.interruption import INTERRUPTED
from moor_lab.lab import Lab

HERE = Path(__file__).parent


def main() -> int:
    """Measure and write the page; return 1 with a message if that is not possible, 130 after Ctrl-C."""
    try:
        scale = asked(TOOLS)
        with running(max(*scale.sizes, HOSTS), scale.network) as lab, TemporaryDirectory(prefix="bench-") as place:
            write(measure(lab, Path(place), scale))
    except MoorError as error:
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        tell("bench: interrupted; nothing was written")
        return INTERRUPTED
    tell("bench/results.md says what was found")
    return 0


def measure(lab: Lab, place: Path, scale: Scale) -> Results:
    """Measure all contenders on a running lab."""
    began = time.monotonic()
    hosts, client = names(len(lab.fleet.hosts)), Client(lab.fleet.name)
    tell("giving the hosts what is checked")
    everywhere(lab, hosts, furnish())
    contenders = entered(lab, place, scale.tools)
    for contender, size in turns(contenders, sorted({1, HOSTS, *scale.sizes})):
        contender.prepare(hosts[:size])
    tell("planting drift, which everybody has to see")
    prove(client, contenders, lab, hosts[:HOSTS])
    table = measured(client, contenders, scale.sizes, scale.rounds, hosts)
    moors = [contender for contender in contenders if isinstance(contender, Moor)]
    some = hosts[: nearest_size(dict.fromkeys(scale.sizes), AT)]
    alike = (client, moors[0], hosts[0], scale.upload_mb, scale.rounds)
    with link_of(lab, LINK_MBIT):
        linked = uploaded(*alike)
    return Results(
        machine=machine(),
        rounds=scale.rounds,
        versions={contender.name: contender.version for contender in contenders},
        table=table,
        start=start(client, moors[0]),
        libraries={moor.name: libraries(client, moor) for moor in moors},
        library_ms={moor.name: library_ms(client, moor, some) for moor in moors},
        warm_ms={moor.name: warm_ms(client, moor, some) for moor in moors},
        applied=applied(client, moors[0], some, scale.rounds),
        linked=linked,
        uploaded=uploaded(*alike),
        took_s=time.monotonic() - began,
    )


def machine() -> str:
    """Return the Python that all contenders but ssh run on; one built without optimisation is slower."""
    origin = "the distribution's" if sys.base_prefix == "/usr" else "not the distribution's"
    python = f"Python {platform.python_version()}, {origin}"
    return f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, {python}"


def write(results: Results) -> None:
    """Write the results page and its plot."""
    (HERE / "results.md").write_text(page(results), "utf-8")
    costs = {
        name: {size: found.cpu_s * 1000 / size for size, found in sizes.items()}
        for name, sizes in results.table.items()
    }
    argv = [str(OWN / "python"), str(HERE / "plot.py"), str(HERE / "results.svg")]
    subprocess.run(argv, input=json.dumps(costs), text=True, check=True)


if __name__ == "__main__":
    sys.exit(main())
