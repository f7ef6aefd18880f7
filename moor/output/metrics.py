"""A drift check as metrics for Prometheus; docs/metrics.md lists their names, which do not change."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from moor.choice import kind_of
from moor.engine.measurements import Filling
from moor.errors import ErrorKind
from moor.run.report import RunReport, count_by_status, open_findings


def metrics(report: RunReport) -> bytes:
    """Return the report in Prometheus' text format; every series is about this one run."""
    registry = CollectorRegistry()
    _of_run(registry, report)
    _of_findings(registry, report)
    _of_hosts(registry, report)
    _of_expiries(registry, report)
    _of_measurements(registry, report)
    _of_images(registry, report)
    _of_mending(registry, report)
    return bytes(generate_latest(registry))


def _of_run(registry: CollectorRegistry, report: RunReport) -> None:
    ended = datetime.fromisoformat(report.started).timestamp() + report.duration_s
    whole = not any(finding.state == "unexamined" for finding in open_findings(report))
    _gauge(registry, "moor_last_run_timestamp_seconds", "When the last run ended.").set(ended)
    _gauge(registry, "moor_last_run_duration_seconds", "How long the last run took.").set(report.duration_s)
    _gauge(registry, "moor_last_run_complete", "1 where the last run examined all that it was asked for.").set(whole)
    _gauge(registry, "moor_warnings", "What went wrong beside the fleet, such as history.").set(len(report.warnings))
    resources = _gauge(registry, "moor_resources", "Resources by status.", "status")
    for status, number in count_by_status(report).items():
        resources.labels(status).set(number)


def _of_findings(registry: CollectorRegistry, report: RunReport) -> None:
    open_ = _gauge(registry, "moor_findings", "What is not as it should be.", "host", "kind", "state", "waived")
    found = Counter((f.host, kind_of(f.id), f.state, "yes" if f.waived else "no") for f in open_findings(report))
    for labels, number in found.items():
        open_.labels(*labels).set(number)


def _of_hosts(registry: CollectorRegistry, report: RunReport) -> None:
    examined = _gauge(registry, "moor_host_examined", "1 where all that was asked of the host was answered.", "host")
    for name, host in report.hosts.items():
        examined.labels(name).set(not host.unexamined)
    about = "Hosts by the kind of what went wrong there first."
    failed = _gauge(registry, "moor_hosts_failed", about, "error_kind")
    found = Counter(host.error_kind for host in report.hosts.values())
    for kind in ErrorKind:  # all kinds, so that each series exists before its first error
        failed.labels(kind.value).set(found[kind])


def _of_expiries(registry: CollectorRegistry, report: RunReport) -> None:
    ends = _gauge(registry, "moor_expiry_timestamp_seconds", "When something ends by itself.", "id", "host")
    for expiry in report.expiries:
        ends.labels(expiry.id, expiry.host).set(datetime.fromisoformat(expiry.expires).timestamp())


def _of_measurements(registry: CollectorRegistry, report: RunReport) -> None:
    labels = ("id", "host")
    value = _gauge(registry, "moor_measured", "What was measured, in bytes for what fills up.", *labels)
    size = _gauge(registry, "moor_measured_size", "How much fits into what fills up.", *labels)
    left = _gauge(registry, "moor_measured_days_left", "Days until it is full at its present growth.", *labels)
    for one in report.measured:
        value.labels(one.id, one.host).set(one.value)
        if isinstance(one, Filling):
            size.labels(one.id, one.host).set(one.size)
            if one.days_left is not None:
                left.labels(one.id, one.host).set(one.days_left)


def _of_images(registry: CollectorRegistry, report: RunReport) -> None:
    images = _gauge(registry, "moor_images", "Images that the cluster names.", "registry", "state", "route")
    for labels, number in Counter((one.registry, one.state, one.route) for one in report.images).items():
        images.labels(*labels).set(number)
    pods = _gauge(registry, "moor_image_pods_cached", "Pods whose image no node could pull again.", "registry")
    cached = Counter[str]()
    for one in report.images:
        cached[one.registry] += one.pods if one.only_cached else 0
    for name, number in cached.items():
        pods.labels(name).set(number)


def _of_mending(registry: CollectorRegistry, report: RunReport) -> None:
    about = "What the last run mended by itself, or could not."
    mended = _gauge(registry, "moor_mended", about, "host", "kind", "status")
    for name, host in report.mended.hosts.items() if report.mended else ():
        done = Counter((kind_of(one.id), one.status) for one in host.resources if one.status != "ok")
        if host.error and not host.count("failed"):
            done["host", "failed"] = 1
        for (kind, status), number in done.items():
            mended.labels(name, kind, status).set(number)


def _gauge(registry: CollectorRegistry, name: str, about: str, *labels: str) -> Gauge:
    return Gauge(name, about, labels, registry=registry)
