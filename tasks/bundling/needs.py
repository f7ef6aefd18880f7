"""What the hosts of an inventory need from outside the fleet; the inventory alone is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from platform import machine
from typing import cast

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.context import fleet_of, runs_registry, site_of
from moor.engine.desired import function_beside
from moor.errors import InputError, MoorError
from moor.resources.package import Package
from moor.run.runbook import OWN_REGISTRY, Stage
from moor.run.selection import all_stages
from moor.settings import optional_settings_of, settings_of
from moor.tasks.bundle.settings import Bundle, PackageSources
from moor.tasks.bundling.image_needs import ImageNeed, image_needs
from moor.tasks.bundling.workloads import charts_elsewhere, missing_images
from moor.tasks.facts import Registry
from moor.tasks.harbor.online import is_online
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.images.settings import Images, ImageSource
from moor.tasks.workload.carried_chart import chart_name
from moor.tasks.workload.settings import Chart

SHIPPED = "moor.tasks."
DEBIAN_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class PackageNeed:
    """The packages that the hosts of one release need: sets of names that are installed together."""

    sources: PackageSources
    sets: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Needs:
    """What a bundle for an inventory has.

    Attributes:
        installer: Harbor's, on this machine; None where moor runs no Harbor.
        sha256: of the installer, if the inventory says it.
        images: by their names in the registry, each with its source.
        brought: images of other registries, and how they are reached.
        charts: of other registries, which workloads take.
        packages: by release.
        settings: of the bundle.
        missing: images that cannot come along; one line each.
        silent: hosts whose release is not known; one line each.
    """

    settings: Bundle
    installer: Path | None = None
    sha256: str | None = None
    images: dict[str, ImageSource] = field(default_factory=dict)
    brought: tuple[ImageNeed, ...] = ()
    charts: tuple[Chart, ...] = ()
    packages: dict[str, PackageNeed] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


def bundle_settings(nr: Nornir) -> Bundle:
    """Return the settings of the fleet's bundle; those of the first host that has some."""
    hosts = fleet_of(nr).hosts.values()
    return next(filter(None, (optional_settings_of(host, Bundle) for host in hosts)), Bundle())


def needs_of(nr: Nornir) -> Needs:
    """Return what the whole fleet needs.

    Raises:
        InputError: hosts of one release say different sources, or an installer cannot be carried.
    """
    hosts = list(fleet_of(nr).hosts.values())
    harbor = next(filter(None, (optional_settings_of(host, HarborSettings) for host in hosts if _runs(host))), None)
    if harbor and harbor.installer and is_online(harbor.installer.name):
        raise InputError(
            f"data.harbor.installer: {harbor.installer.name} pulls its images from Docker Hub, which hosts without "
            "internet cannot; name the offline installer"
        )
    images = {name: source for host in hosts for name, source in settings_of(host, Images).by_name.items()}
    packages, silent = _packages(nr, hosts)
    return Needs(
        settings=bundle_settings(nr),
        installer=harbor.installer if harbor else None,
        sha256=harbor.sha256 if harbor else None,
        images=images,
        brought=tuple({need.name: need for host in hosts for need in image_needs(host)}.values()),
        charts=tuple({chart_name(chart): chart for host in hosts for chart in charts_elsewhere(host)}.values()),
        packages=packages,
        missing=tuple(dict.fromkeys(_images_elsewhere(hosts, images))),
        silent=tuple(silent),
    )


def own_architecture(sources: PackageSources) -> str:
    """Return this machine's architecture, by its name in dpkg or in rpm."""
    is_rpm = sources.sources is not None and sources.sources.suffix == ".repo"
    return machine() if is_rpm else DEBIAN_NAMES.get(machine(), machine())


def _runs(host: Host) -> bool:
    return bool(runs_registry(host) and OWN_REGISTRY(host))


def _packages(nr: Nornir, hosts: Iterable[Host]) -> tuple[dict[str, PackageNeed], list[str]]:
    """Return the packages by release, and a line for each host whose release is not known."""
    stages = all_stages(site_of(nr).directory, independent=False).stages
    found: dict[str, PackageNeed] = {}
    silent: list[str] = []
    for host in hosts:
        sets = list(package_sets(host, stages))
        settings = optional_settings_of(host, Bundle)
        if not sets:
            continue
        if settings is None or settings.packages is None:
            names = ", ".join(name for names in sets for name in names)
            silent.append(f"{host.name}: it needs {names}, and no data.bundle.packages.release says for which release")
            continue
        sources = settings.packages
        key = f"{sources.release}-{sources.architecture or own_architecture(sources)}"
        former = found.setdefault(key, PackageNeed(sources, ()))
        if former.sources != sources:
            raise InputError(
                f"{host.name}.bundle.packages: another host of {sources.release} has other sources; "
                "write them once, for a group or in the defaults"
            )
        found[key] = PackageNeed(sources, tuple(dict.fromkeys([*former.sets, *sets])))
    return found, silent


def package_sets(host: Host, stages: Sequence[Stage]) -> Iterator[tuple[str, ...]]:
    """Yield the packages that the stages would install on a host, each set of names once.

    A module of moor's that installs packages says so by a function ``package_sets``. A site's own may have one too;
    otherwise its desired state is asked.

    Raises:
        InputError: the desired state of a site's own module cannot be known here.
    """
    found: dict[tuple[str, ...], None] = {}
    for stage in stages:
        if not stage.runs_on(host):
            continue
        sets = function_beside(stage.task, "package_sets")
        if sets:
            found.update(dict.fromkeys(cast(list[tuple[str, ...]], sets(host))))
        elif stage.desired and not stage.task.__module__.startswith(SHIPPED):
            found.update(dict.fromkeys(_desired_packages(host, stage)))
    yield from (names for names in found if names)


def _desired_packages(host: Host, stage: Stage) -> Iterator[tuple[str, ...]]:
    """Yield the packages of a stage's desired state, which are asked for as if there were no bundle yet."""
    without = copy(host)
    without.data = {key: value for key, value in host.data.items() if key != Bundle.section}
    try:
        wanted = stage.desired(without) if stage.desired else ()
    except MoorError as error:
        words = f"{stage.title}: its packages are not known here: {error}; add package_sets(host) to its module"
        raise InputError(words) from error
    yield from (resource.names for resource in wanted if isinstance(resource, Package))


def _images_elsewhere(hosts: Sequence[Host], images: dict[str, ImageSource]) -> Iterator[str]:
    """Yield a line for each image that is needed and is none of ``data.images``, or cannot be carried."""
    for name, source in images.items():
        if source.present:
            yield f"data.images.{name}.present: the image is in a workstation's Docker; docker save it, write archive"
        elif source.context:
            yield from _bases(hosts, name, source.context, images)
    for host in hosts:
        yield from missing_images(host, images)


def _bases(hosts: Sequence[Host], name: str, context: Path, images: dict[str, ImageSource]) -> Iterator[str]:
    """Yield a line for each image of outside that a Dockerfile begins from."""
    registry = next((settings_of(host, Registry) for host in hosts), None)
    ours = {f"{registry.host_port}/{image}" for image in images} if registry else set()
    steps = set[str]()
    for base, step in cast(list[tuple[str, str]], FROM.findall((context / "Dockerfile").read_text("utf-8", "replace"))):
        if base not in (*ours, *steps, "scratch"):
            yield f"data.images.{name}.context: FROM {base} is not below data.images, and the workstation must have it"
        steps.add(step)
