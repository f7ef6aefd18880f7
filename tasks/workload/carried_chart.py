"""Charts of other registries that the host's bundle has."""

from __future__ import annotations

from pathlib import Path

from nornir.core.inventory import Host

from moor.tasks.workload.settings import Chart


def chart_name(chart: Chart) -> str:
    """Return a chart of a registry as a bundle names it: its place and its version."""
    return f"{chart.chart}:{chart.version}"


def carried_chart(host: Host, chart: Chart) -> Path | None:
    """Return the packaged chart in the host's bundle; None if there is no bundle, or it has not this chart.

    Raises:
        InputError: the bundle is not there, or was altered.
    """
    if not chart.is_remote or host.data.get("bundle") is None:
        return None
    from moor.tasks.bundle.opened import bundle_of

    bundle = bundle_of(host)
    path = bundle.manifest.charts.get(chart_name(chart)) if bundle else None
    return bundle.places[path] if bundle and path else None
