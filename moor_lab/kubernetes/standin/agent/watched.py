"""The probes of a running container: which are due, and what their answers mean for it."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ..objects import Object
from . import containerd
from .events import Type
from .probes import Probe, ask

Tell = Callable[[Type, str, str], None]
"""A function that records an event: type, reason, message."""


@dataclass(frozen=True)
class Watched:
    """A running container with its three probes; until the startup probe succeeds, no other is asked."""

    id: str
    spec: Object
    address: str
    startup: Probe
    readiness: Probe
    liveness: Probe
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def _asked(self) -> dict[str, Probe]:
        if self.startup.passing:
            return {"Readiness": self.readiness, "Liveness": self.liveness}
        return {"Startup": self.startup}

    @property
    def ready(self) -> bool:
        """Return whether the container counts as ready."""
        return self.readiness.passing and self.startup.passing

    def due_in_s(self, now: datetime) -> float:
        """Return the seconds until the next probe is due."""
        return min(probe.due_in_s(now) for probe in self._asked.values())

    def ask(self, now: Callable[[], datetime], tell: Tell) -> bool:
        """Ask every probe that is due; return whether the container has to be restarted."""
        ends = False
        for name, probe in self._asked.items():
            if probe.spec and probe.due_in_s(now()) <= 0:
                ends |= self._ask(name, probe, probe.spec, now, tell)
        return ends

    def _ask(self, name: str, probe: Probe, spec: Object, now: Callable[[], datetime], tell: Tell) -> bool:
        error = ask(spec, self.spec, self.address, self._exec)
        probe.note(now(), error)
        if error:
            tell("Warning", "Unhealthy", f"{name} probe failed: {error}")
        if name == "Readiness" or probe.passing or probe.bad < spec["failureThreshold"]:
            return False
        tell("Normal", "Killing", f"Container {self.spec['name']} failed {name.lower()} probe, will be restarted")
        return True

    def _exec(self, argv: list[str], timeout_s: float) -> str | None:
        return containerd.run_in(self.id, f"probe-{next(self._numbers)}", argv, timeout_s)


def watched(id: str, spec: Object, address: str, since: datetime) -> Watched:
    """Return a container that has run since an instant, before its first probe."""
    return Watched(
        id,
        spec,
        address,
        Probe(spec.get("startupProbe"), since, initial=False),
        Probe(spec.get("readinessProbe"), since, initial=False),
        Probe(spec.get("livenessProbe"), since, initial=True),
    )
