"""How long a check of all images of a cluster takes, beside the bare requests that it needs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.contenders.contender import ROOT
from bench.fleet import tell
from bench.measure import Client, Command, Run
from bench.standin_process import must, serving
from moor.connections.apis.registry_api import AT_ONCE

STAND_IN, BARE, MOOR = "bench.images.server", "bench.images.bare", "bench.images.moor_on_loopback"
PODS_AN_IMAGE, IMAGES_A_NAMESPACE = 7.5, 400 / 60


@dataclass(frozen=True)
class ImagesMeasured:
    """A check of all images, of which all are well, and its requests by themselves.

    Attributes:
        cluster_requests: to the cluster's API
        registry_requests: to both registries, those for tokens too
        check_s: time of the check, from the start of Python on
        bare_s: time of the bare requests, likewise
        cpu_s: of the check
        peak_mb: its memory
    """

    pods: int
    images: int
    namespaces: int
    cluster_requests: int
    registry_requests: int
    check_s: float
    bare_s: float
    cpu_s: float
    peak_mb: float


def measure_images(client: Client, directory: Path, images: int, rounds: int) -> ImagesMeasured:
    """Measure checks and their bare requests in turn."""
    pods, namespaces = int(images * PODS_AN_IMAGE), max(1, round(images / IMAGES_A_NAMESPACE))
    with serving(STAND_IN, directory, pods, images, namespaces) as server:
        checks, bare, asked = list[Run](), list[Run](), [0, 0]
        for _ in range(rounds):
            server.asked()
            checks.append(must(client.run(check_command(directory))))
            asked = server.asked()
            bare.append(must(client.run(bare_command(directory))))
    found = ImagesMeasured(
        pods,
        images,
        namespaces,
        cluster_requests=asked[0],
        registry_requests=asked[1],
        check_s=median(run.wall_s for run in checks),
        bare_s=median(run.wall_s for run in bare),
        cpu_s=median(run.cpu_s for run in checks),
        peak_mb=median(run.peak_mb for run in checks),
    )
    tell(f"check of {images} images: {found.check_s:.1f} s, {sum(asked)} requests, bare {found.bare_s:.1f} s")
    return found


def check_command(directory: Path) -> Command:
    """Return the command of a check."""
    argv = (sys.executable, "-m", MOOR, "images", "--site", str(directory / "site"), "--quiet", "--faults")
    return Command(argv, ROOT, {"SSL_CERT_FILE": str(directory / "registries-ca.crt"), "NO_PROXY": "*"})


def bare_command(directory: Path) -> Command:
    """Return the command of the bare requests."""
    return Command((sys.executable, "-m", BARE, str(directory), str(AT_ONCE)), ROOT)
