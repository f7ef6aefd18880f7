"""The figures of all parts, kept in bench/results.json, so that a part can be measured again without the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bench.alone import Alone, Pair
from bench.bundled import Bundled
from bench.configuration.measure import Configured
from bench.devices.measure import DevicesMeasured
from bench.distance.measure import Far
from bench.fit import Fit, fit, nearest_size
from bench.host_cost import HostCost
from bench.images.measure import ImagesMeasured
from bench.large import Large
from bench.planned import Planned
from bench.rounds import Figures, Table
from bench.shared import Shared
from bench.ways.measure import WaysMeasured
from moor.errors import InputError

AT = 200  # hosts at which tools are compared
LINK_MBIT = 1000  # of the link of an upload, as registries have it
MOOR, FLOOR, ANSIBLE, RAW, PYINFRA = "moor", "raw ssh", "ansible, 8 tasks", "ansible, 1 raw task", "pyinfra --dry"


@dataclass(frozen=True)
class Stamp:
    """When and where a part was measured.

    Attributes:
        failures: measurements that failed; the others are in the results
    """

    at: str
    machine: str
    rounds: int
    took_s: float
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Results:
    """The figures of all parts that were measured; None or empty for the others.

    Attributes:
        versions: by contender
        applied: a check, and an apply that changes three files, on so many hosts
        linked: scp, and moor, with so many MB over a link of ``LINK_MBIT``
        uploaded: the same within this machine's memory, as far as two processors go
        far: by distance
        host: by contender
    """

    parts: dict[str, Stamp] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    table: Table = field(default_factory=dict)
    alone: Alone | None = None
    applied: Pair | None = None
    linked: Pair | None = None
    uploaded: Pair | None = None
    far: list[Far] = field(default_factory=list)
    large: Large | None = None
    host: dict[str, HostCost] = field(default_factory=dict)
    planned: Planned | None = None
    shared: Shared | None = None
    configured: Configured | None = None
    bundled: Bundled | None = None
    images: ImagesMeasured | None = None
    ways: WaysMeasured | None = None
    devices: DevicesMeasured | None = None


FILE = TypeAdapter(Results)


def merged(results: Results, part: str, stamp: Stamp, figures: Mapping[str, Any]) -> Results:
    """Return the results with a part that was measured again; what could not be measured stays as it was.

    Args:
        figures: fields of the results
    """
    found = {name: value for name, value in figures.items() if value}
    versions = {**results.versions, **found.pop("versions", {})}
    return replace(results, parts={**results.parts, part: stamp}, versions=versions, **found)


def load(path: Path) -> Results:
    """Read results; none if there is no file.

    Raises:
        InputError: the file has another form
    """
    if not path.exists():
        return Results()
    try:
        return FILE.validate_json(path.read_bytes())
    except ValidationError as invalid:
        raise InputError(f"{path}: results of another version of the benchmark; remove it") from invalid


def save(results: Results, path: Path) -> None:
    """Write results."""
    path.write_bytes(FILE.dump_json(results, indent=1) + b"\n")


def each_ms(sizes: Mapping[int, Figures], wanted: int = AT) -> float:
    """Return the CPU per host in ms, at ``wanted`` hosts or the next smaller measured size."""
    size = nearest_size(sizes, wanted)
    return sizes[size].cpu_s * 1000 / size


def line_of(sizes: Mapping[int, Figures]) -> Fit | None:
    """Return the linear fit of the CPU over all sizes, in ms."""
    return fit({size: found.cpu_s * 1000 for size, found in sizes.items()})


def hosts_within(line: Fit, period_s: float) -> int:
    """Return how many hosts one process checks within a period, whose CPU a fit describes; it has one processor."""
    return max(0, int((period_s * 1000 - line.fixed) / line.each)) if line.each > 0 else 0
