"""Harbor's containers that start again and again, by Docker's own counters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from shlex import quote

from moor.engine.findings import Finding
from moor.engine.measurements import Counted
from moor.resources.base import Probed, State

LOOP_RESTARTS = 5  # fewer are what a component needs that waits for another at Harbor's start
SETTLED_S = 300  # since Harbor's first container started
RISING_CHECKS, RISING_HOURS = 3, 24


@dataclass(frozen=True)
class ComponentStarts(Probed):
    """How often Docker has restarted each of Harbor's containers; it is read, and never a difference."""

    directory: str

    @property
    def id(self) -> str:
        return f"restarts:{self.directory}"

    def desired(self, actual: State | None) -> State | None:
        return actual

    def probe(self) -> str:
        label = "com.docker.compose"
        ask = f'{{{{index .Config.Labels "{label}.service"}}}} {{{{.RestartCount}}}} {{{{.State.Status}}}} '
        ask += "{{.State.ExitCode}} {{.State.StartedAt}}"
        return f"""\
command -v docker >/dev/null || exit 0
all=$(timeout 30 docker ps -aq --filter {quote(f"label={label}.project.working_dir={self.directory}")} 2>/dev/null)
[ -n "$all" ] || exit 0
date -u +%Y-%m-%dT%H:%M:%SZ
timeout 30 docker inspect -f {quote(ask)} $all 2>/dev/null
:"""

    def actual(self, output: str) -> State | None:
        now, *lines = output.splitlines() or [""]
        found = dict(line.split(" ", 1) for line in lines if line.count(" ") >= 4)
        return {"now": now, **found} if found else None


def find_loops(state: State | None, host: str) -> Iterator[Finding | Counted]:
    """Yield a finding for each component that is restarting in a loop now, and of the others the counter of restarts.

    Docker waits the longer before a start, the more often a component has died at once, up to a minute; after a single
    death it does not wait. A component that runs for a while each time is seen by the counter alone, which then rises
    from check to check.
    """
    if state is None:
        return
    components = {name: str(value).split(" ", 3) for name, value in state.items() if name != "now"}
    now = datetime.fromisoformat(str(state["now"]))
    ages = {name: (now - started(fields[3])).total_seconds() for name, fields in components.items()}
    settled = max(ages.values()) > SETTLED_S
    for name, (count, status, code, _) in sorted(components.items()):
        what = f"the restarts of Harbor's component {name}"
        if settled and status == "restarting" and int(count) >= LOOP_RESTARTS:
            words = f"Harbor's component {name} restarts in a loop: {count} times, last with exit code {code}"
            yield Finding(f"restarts:{name}", words, remedy(name), host)
        else:
            yield Counted(
                id=f"restarts:{name}",
                what=what,
                value=int(count),
                host=host,
                remedy=remedy(name),
                checks=RISING_CHECKS,
                hours=RISING_HOURS,
            )


def remedy(name: str) -> str:
    """Return where to look for the cause of restarts."""
    return f"run on the host: tail -n 50 /var/log/harbor/{name}.log; then mend what it says, moor apply harbor"


def started(text: str) -> datetime:
    """Return a time of Docker's, which has nanoseconds."""
    head, dot, rest = text.partition(".")
    return datetime.fromisoformat(f"{head}+00:00" if dot or (not rest and head[-1:] != "Z") else head)
