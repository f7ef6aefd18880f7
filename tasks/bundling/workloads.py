"""What workloads need from outside: charts of other registries, and the images that their manifests name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from nornir.core.inventory import Host

from moor.errors import HostError, InputError
from moor.settings import settings_of
from moor.tasks.bundle.manifest import Part
from moor.tasks.bundling.workshop import Workshop, run_tool, tell
from moor.tasks.cluster.kube_yaml import documents, split_list
from moor.tasks.facts import Registry
from moor.tasks.workload.carried_chart import chart_name
from moor.tasks.workload.image_names import full_name, images_in, rewrite_image
from moor.tasks.workload.programs import ChartAccess
from moor.tasks.workload.settings import OCI, Chart, Workload, Workloads
from moor.tasks.workload.sources import manifest_texts


def charts_elsewhere(host: Host) -> Iterator[Chart]:
    """Yield the charts that the host's workloads take from other registries than ours."""
    for workload in settings_of(host, Workloads).by_name.values():
        for source in workload.manifests or ():
            if isinstance(source, Chart) and source.is_remote and not _is_ours(host, source):
                yield source


def _is_ours(host: Host, chart: Chart) -> bool:
    return chart.chart.removeprefix(OCI).partition("/")[0] == settings_of(host, Registry).host_port


def missing_images(host: Host, images: Collection[str]) -> Iterator[str]:
    """Yield a line for each image of a host's workloads that is none of ``images``, or that cannot be known here."""
    for name, workload in settings_of(host, Workloads).by_name.items():
        where = f"data.workloads.{name}"
        if workload.image:
            if workload.image not in images:
                yield f"{where}.image: {workload.image} is not in data.images; the registry must have it already"
            continue
        try:
            yield from (f"{where}.manifests: {words}" for words in _missing(host, name, workload, images))
        except InputError as error:
            yield f"{where}.manifests: their images are not known here: {error}"


def _missing(host: Host, name: str, workload: Workload, images: Collection[str]) -> Iterator[str]:
    ours = settings_of(host, Registry).host_port

    def reach(chart: Chart, where: str) -> ChartAccess:
        if _is_ours(host, chart):
            raise InputError(f"{where}: the chart is in the registry itself")
        return ChartAccess(chart.chart.removeprefix(OCI).partition("/")[0])

    needed: dict[str, None] = {}
    for found in manifest_texts(host, name, workload, reach):
        for document in documents(found.text):
            for content in split_list(document) if document else ():
                needed.update(dict.fromkeys(images_in(content)))
    for image in needed:
        placed = full_name(rewrite_image(image, workload.rewrite_images, ours))
        if not placed.startswith(f"{ours}/"):
            yield f"{image} comes from elsewhere; name it below data.images with from, and rewrite_images to ours"
        elif placed.removeprefix(f"{ours}/") not in images:
            yield f"{placed} is not in data.images; the registry must have it already"


def collect_charts(charts: Collection[Chart], workshop: Workshop) -> tuple[dict[str, str], list[Part]]:
    """Return the paths of packaged charts by their names, and the parts, after fetching what is missing.

    Raises:
        HostError: helm failed; with its own words.
    """
    paths = {chart_name(chart): _path(chart) for chart in charts}
    for chart in charts:
        if not (workshop.folder / _path(chart)).is_file():
            tell(f"chart {chart_name(chart)}")
            _pull(chart, workshop)
    workshop.keep_only("charts", [path.removeprefix("charts/") for path in paths.values()])
    return paths, [workshop.part(path, "chart") for path in sorted(set(paths.values()))]


def _path(chart: Chart) -> str:
    digest = hashlib.sha256(chart_name(chart).encode()).hexdigest()[:12]
    return f"charts/{chart.chart.rpartition('/')[2]}-{digest}.tgz"


def _pull(chart: Chart, workshop: Workshop) -> None:
    """Have helm pull a chart, with directories of its own, so that nothing of the user's configuration counts."""
    own = workshop.scratch / "helm"
    shutil.rmtree(own, ignore_errors=True)
    (own / "pulled").mkdir(parents=True)
    (own / "logins.json").write_text(json.dumps({"auths": {}}))
    names = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
    variables = {**{name: str(own / name.lower()) for name in names}, "HELM_REGISTRY_CONFIG": str(own / "logins.json")}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HELM_", "KUBECONFIG"))}
    words = ["helm", "pull", chart.chart, "--version", chart.version, "--destination", str(own / "pulled")]
    run_tool(words, {**kept, **variables})
    found = list((own / "pulled").glob("*.tgz"))
    if len(found) != 1:
        raise HostError(f"{chart_name(chart)}: helm pull left {len(found)} files where one is expected; run it by hand")
    place: Path = workshop.folder / _path(chart)
    place.parent.mkdir(exist_ok=True)
    found[0].replace(place)
