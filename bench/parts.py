"""The parts of the benchmark; each can be measured by itself, and one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.alone import applied, measure_alone, uploaded
from bench.bundled import measure_bundle
from bench.configuration.measure import measure_configuration
from bench.contenders.contender import Contender
from bench.contenders.everybody import entered
from bench.contenders.moor import Moor
from bench.devices.measure import measure_devices
from bench.distance.measure import Field, measure_far
from bench.fit import nearest_size
from bench.fleet import link_of, names, tell
from bench.host_cost import host_costs
from bench.hosts import everywhere, furnish
from bench.images.measure import measure_images
from bench.large import measure_large
from bench.measure import Client
from bench.planned import measure_planned
from bench.proof import HOSTS, proven
from bench.reach import direct
from bench.results import AT, FLOOR, LINK_MBIT
from bench.rounds import LARGE, Failures, measured, turns
from bench.scale import Scale
from bench.shared import measure_shared
from bench.shipped import measure_one_host
from bench.ways.measure import measure_ways
from moor.errors import MoorError
from moor_lab.lab import Lab

ROUNDS_AT_HOST = 3
Figures = dict[str, Any]  # fields of the results


@dataclass
class Bench:
    """What every part is given.

    Attributes:
        contenders: those that found all drift
        failures: of the part that is measured
    """

    client: Client
    lab: Lab
    place: Path
    scale: Scale
    contenders: list[Contender] = field(default_factory=list)
    failures: Failures = field(default_factory=Failures)

    @property
    def hosts(self) -> list[str]:
        return names(len(self.lab.fleet.hosts))

    @property
    def some(self) -> list[str]:
        """Return as many hosts as comparisons are made at."""
        return self.hosts[: nearest_size(dict.fromkeys(self.scale.sizes), AT)]

    @property
    def moors(self) -> list[Moor]:
        """Return moor as shipped, and by other libraries; raise MoorError if it did not find the drift."""
        found = [contender for contender in self.contenders if isinstance(contender, Moor)]
        if not found or found[0].backend:
            raise MoorError("bench: moor did not find the drift that was planted")
        return found

    def prepare(self) -> None:
        """Furnish the hosts, and let the contenders prepare themselves and prove that they find drift."""
        tell("giving the hosts what is checked")
        everywhere(self.lab, self.hosts, furnish())
        entering = entered(direct(self.lab), self.place, self.scale.tools)
        sizes = {1, HOSTS, len(self.some), *self.scale.sizes, *self.scale.far_sizes}
        for contender, size in turns(entering, sorted(size for size in sizes if size <= len(self.hosts))):
            contender.prepare(self.hosts[:size])
        self.contenders = proven(self.client, entering, self.lab, self.hosts[:HOSTS], self.failures)


def sizes(bench: Bench) -> Figures:
    """Measure everybody at all sizes."""
    scale = bench.scale
    table = measured(bench.client, bench.contenders, scale.sizes, scale.rounds, bench.hosts, bench.failures)
    return {"table": table}


def alone(bench: Bench) -> Figures:
    """Measure moor's own costs."""
    found = measure_alone(bench.client, bench.moors, bench.some, bench.failures)
    place = bench.place / "shipped"
    place.mkdir()
    with bench.failures.noted("a plan in the shipped lab"):
        number = bench.scale.network % 255 + 1
        found = replace(found, plan_shipped=measure_one_host(bench.client, place, number))
    return {"alone": found}


def apply(bench: Bench) -> Figures:
    """Measure an apply that changes something."""
    moor = bench.moors[0]
    return {"applied": applied(bench.client, bench.lab, moor, bench.some, bench.scale.rounds)}


def upload(bench: Bench) -> Figures:
    """Measure an upload, with a link and without."""
    found: Figures = {}
    alike = (bench.client, bench.lab, bench.moors[0], bench.scale.upload_mb, bench.scale.rounds)
    with bench.failures.noted("upload over a link"), link_of(bench.lab, LINK_MBIT):
        found["linked"] = uploaded(*alike)
    with bench.failures.noted("upload"):
        found["uploaded"] = uploaded(*alike)
    return found


def distance(bench: Bench) -> Figures:
    """Measure runs over a distance: everybody over the first one, moor over the others."""
    scale = bench.scale
    shared = (bench.client, bench.lab, bench.place, bench.moors[0], bench.hosts)
    found = []
    for position, round_trip_ms in enumerate(scale.far_ms):
        sizes, tools = (scale.far_sizes[:1], ["moor"]) if position else (scale.far_sizes, scale.tools)
        with bench.failures.noted(f"{round_trip_ms} ms"):
            ground = Field(*shared, sizes, scale.rounds, bench.failures)
            found.append(measure_far(ground, round_trip_ms, tools))
    return {"far": found}


def host(bench: Bench) -> Figures:
    """Measure what moor and raw ssh cost a host."""
    pair = [contender for contender in bench.contenders if contender.name == FLOOR]
    costs = host_costs(
        bench.client, bench.lab, [*bench.moors[:1], *pair], bench.hosts[:HOSTS], ROUNDS_AT_HOST, bench.failures
    )
    return {"host": costs}


def workers(bench: Bench) -> Figures:
    """Measure checks whose hosts Dask workers share."""
    sizes = [size for size in bench.scale.sizes if size <= LARGE]
    return {"shared": measure_shared(bench.client, bench.moors[0], sizes, bench.hosts, bench.failures)}


def fleet(bench: Bench) -> Figures:
    """Measure moor on a large fleet."""
    place = bench.place / "large"
    place.mkdir()
    return {"large": measure_large(bench.client, bench.lab, place, bench.scale.fleet, bench.failures)}


def planned(bench: Bench) -> Figures:
    """Measure a plan without the network."""
    return {"planned": measure_planned(bench.client, bench.scale.planned)}


def configuration(bench: Bench) -> Figures:
    """Measure a plan of a registry's configuration, beside its bare requests."""
    place = bench.place / "configuration"
    place.mkdir()
    return {"configured": measure_configuration(bench.client, place, bench.scale.projects, bench.scale.rounds)}


def bundle(bench: Bench) -> Figures:
    """Measure a bundle of images, beside skopeo's copies of the same."""
    place = bench.place / "bundle"
    place.mkdir()
    return {"bundled": measure_bundle(bench.client, place, bench.scale.bundle_mb, bench.scale.rounds)}


def images(bench: Bench) -> Figures:
    """Measure a check of all images of a cluster, beside its bare requests."""
    place = bench.place / "images"
    place.mkdir()
    return {"images": measure_images(bench.client, place, bench.scale.images, bench.scale.rounds)}


def devices(bench: Bench) -> Figures:
    """Measure a check of network devices, beside bare reads by Netmiko."""
    place = bench.place / "devices"
    place.mkdir()
    return {"devices": measure_devices(bench.client, place, bench.scale.devices, bench.scale.rounds)}


def ways(bench: Bench) -> Figures:
    """Measure the question whether nodes reach the registry through long lists."""
    place = bench.place / "ways"
    place.mkdir()
    return {"ways": measure_ways(bench.client, place, bench.scale.lines, bench.scale.rounds)}


# In the order in which they run. The large fleet is last, since its hosts keep their further addresses.
PARTS: dict[str, Callable[[Bench], Figures]] = {
    "planned": planned,
    "configuration": configuration,
    "bundle": bundle,
    "images": images,
    "devices": devices,
    "ways": ways,
    "sizes": sizes,
    "alone": alone,
    "apply": apply,
    "upload": upload,
    "host": host,
    "workers": workers,
    "distance": distance,
    "fleet": fleet,
}
WITHOUT_LAB = ("planned", "configuration", "bundle", "images", "devices", "ways")


def hosts_needed(scale: Scale) -> int:
    """Return how many hosts the chosen parts need; 0 if none needs any."""
    wanted = {"distance": max(scale.far_sizes), "fleet": max(scale.sizes), "host": HOSTS, "upload": HOSTS}
    return max(
        (max(HOSTS, wanted.get(part, max(scale.sizes))) for part in scale.parts if part not in WITHOUT_LAB), default=0
    )
