"""Manifests as their owners keep them: files, directories, kustomizations and charts, as YAML text."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nornir.core.inventory import Host

from moor.context import context_of, site_of
from moor.errors import InputError
from moor.tasks.workload.carried_chart import carried_chart
from moor.tasks.workload.programs import ChartAccess, build_kustomization, template_chart
from moor.tasks.workload.settings import Chart, Workload

SUFFIXES = (".yaml", ".yml", ".json")  # of the files of a directory that kubectl reads
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
CHART = "Chart.yaml"
Reach = Callable[[Chart, str], ChartAccess]  # how to reach a chart's registry; the text begins error messages

_rendering = threading.RLock()


@dataclass(frozen=True)
class ManifestText:
    """YAML of Kubernetes.

    Attributes:
        where: it comes from; the beginning of error messages
        chart: that it was rendered from
    """

    where: str
    text: str
    chart: Chart | None = None


def manifest_texts(host: Host, name: str, workload: Workload, reach: Reach | None = None) -> Iterator[ManifestText]:
    """Yield the text of each of a workload's manifests; a kustomization or chart is rendered once a run.

    Args:
        reach: how the registry of a chart is reached; without it, charts in registries are left out

    Raises:
        InputError: a file cannot be read, or not be rendered
    """
    for source in workload.manifests or ():
        where = f"workload {name}: manifests: {_shown(host, source)}"
        if isinstance(source, Chart):
            if not source.is_remote or reach or carried_chart(host, source):
                yield ManifestText(where, _chart(host, name, workload, source, reach), source)
        elif not source.exists():
            raise InputError(f"{where}: no such file or directory")
        elif source.is_file():
            yield ManifestText(where, _read(source, where))
        elif any((source / one).is_file() for one in KUSTOMIZATIONS):
            yield ManifestText(where, _once(host, (source,), lambda s=source, w=where: build_kustomization(s, w)))  # type: ignore[misc]
        elif (source / CHART).is_file():
            chart = Chart(chart=str(source))
            yield ManifestText(where, _chart(host, name, workload, chart, reach), chart)
        else:
            yield from _files_in(source, where)


def _files_in(directory: Path, where: str) -> Iterator[ManifestText]:
    files = sorted(path for path in directory.iterdir() if path.suffix in SUFFIXES and path.is_file())
    if not files:
        raise InputError(
            f"{where}: it has no file whose name ends with {', '.join(SUFFIXES)}; directories below it are not read"
        )
    for path in files:
        place = f"{where}/{path.name}"
        yield ManifestText(place, _read(path, place))


def _read(path: Path, where: str) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise InputError(f"{where}: cannot be read: {error.strerror}") from None


def _chart(host: Host, name: str, workload: Workload, chart: Chart, reach: Reach | None) -> str:
    where = f"workload {name}: manifests: {_shown(host, chart)}"
    release = chart.release or name
    placed = chart
    if not chart.is_remote:
        path = (site_of(host).directory / Path(chart.chart).expanduser()).absolute()
        if not path.exists():
            raise InputError(f"{where}: no such file or directory")
        placed = chart.model_copy(update={"chart": str(path)})
    elif carried := carried_chart(host, chart):
        placed = chart.model_copy(update={"chart": str(carried), "version": "", "robot": ""})
    for value in chart.values:
        if isinstance(value, Path) and not value.is_file():
            raise InputError(f"{where}: values: {value}: no such file")

    def render() -> str:
        access = reach(chart, where) if reach and placed.is_remote else None
        return template_chart(placed, release, workload.namespace, where, access)

    return _once(host, (chart.model_dump_json(), release, workload.namespace), render)


def _once(host: Host, key: tuple[object, ...], render: Callable[[], str]) -> str:
    """Return what ``render`` returned for the first of a run's askers."""
    with _rendering:
        known = context_of(host).answers
        if (found := known.get(("manifests", *key))) is None:
            found = known["manifests", *key] = render()
        return str(found)


def _shown(host: Host, source: Path | Chart) -> str:
    """Return a source as the inventory has it, relative to the site."""
    if isinstance(source, Chart):
        source = Path(source.chart) if not source.is_remote else source
    if isinstance(source, Chart):
        return source.chart
    site = site_of(host).directory.absolute()
    return str(source.relative_to(site) if source.is_relative_to(site) else source)
