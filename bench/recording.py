"""The record of a check in history, alone; ``python -m bench.recording HOSTS`` prints two figures.

They are the ms of CPU that importing it takes, and those that recording a check without drift takes a host, in a site
whose history has a run already.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.checks import FILES
from moor.errors import MoorError
from moor.run.report import HostReport, ResourceReport, RunReport
from moor.settings import SiteSettings

TIMES = 5
IDS = (*(f"file:{path}" for path in FILES), "edit:/etc/hosts#bench", "requirement:service", "requirement:ruleset")


def report(number: int, hosts: int) -> RunReport:
    """Return the report of a check that found nothing."""
    found = {
        f"h{index:05}": HostReport(True, "", [ResourceReport(name, "ok", "", "hold_eight") for name in IDS])
        for index in range(hosts)
    }
    return RunReport(f"20261128-120000-{number:04x}", "eight", found, command="drift")


def main() -> None:
    """Measure, and print both figures."""
    hosts = int(sys.argv[1])
    reports = [report(number, hosts) for number in range(TIMES + 1)]
    at_start = time.process_time()
    from moor.history.recording import record

    import_s = time.process_time() - at_start
    with TemporaryDirectory() as place:
        (Path(place) / "state").mkdir(mode=0o700)
        settings = SiteSettings.at(Path(place), state=Path(place) / "state")
        took = []
        for one in reports:
            began = time.process_time()
            recorded = record(settings, one, frozenset(one.hosts))
            took.append(time.process_time() - began)
            if recorded.trouble:
                raise MoorError(recorded.trouble)
    print(import_s * 1000, median(took[1:]) * 1000 / hosts)


if __name__ == "__main__":
    main()
