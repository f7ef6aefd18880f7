"""Scans of all images: whether many failed, and whether the scheduled one has run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.connections.apis.harbor_paths import repository_path
from moor.engine.findings import Finding
from moor.tasks.registry.answers import API, BY_NAME, Single
from moor.tasks.watched.jobs import FAILED, Job, JobRun, moment, newest, system_job
from moor.tasks.watched.settings import Watch

SCAN_ALL = Job("job:scan-all", "scan of all images", "Harbor's portal, Interrogation Services, Vulnerability")
FEW = 10  # artifacts that are asked for their last scan


class ScanStats(HarborObject):
    """The progress of the last scan of all images."""

    total: int | None = None
    metrics: dict[str, int] | None = None


class ListedRepository(HarborObject):
    """A repository; Harbor leaves out a count of 0."""

    name: str
    artifact_count: int | None = None


class ScannedArtifact(HarborObject):
    """An artifact, with the last scan by each kind of report; none where no scanner takes it."""

    scan_overview: dict[str, dict[str, Any]] | None = None


SCANS = Single("/scans/all/metrics", Shape(ScanStats))
REPOSITORIES, ARTIFACTS = Shape(list[ListedRepository] | None), Shape(list[ScannedArtifact] | None)


@dataclass(frozen=True)
class OldestArtifacts:
    """The oldest artifacts of the oldest repository that has some: every scan of all images includes them."""

    def ask(self, harbor: Harbor) -> list[dict[str, Any]]:
        """Ask for them, by two requests."""
        oldest = {"page_size": str(FEW), "sort": "creation_time"}
        repositories = harbor.get(f"{API}/repositories", REPOSITORIES, oldest) or ()
        name = next((str(one["name"]) for one in repositories if one.get("artifact_count")), "")
        if not name:
            return []
        query = {"page_size": str(FEW), "sort": "push_time", "with_scan_overview": "true"}
        return list(harbor.get(f"{API}{repository_path(name)}/artifacts", ARTIFACTS, query, BY_NAME) or ())


def scan_job(
    schedule: Mapping[str, Any] | None, stats: Mapping[str, Any], artifacts: Iterable[Mapping[str, Any]]
) -> Job | None:
    """Return the scan of all images as a job; None if it is not known when it ran last.

    Harbor has no list of these runs, so that the scans of its oldest artifacts stand for them. Where they show none
    although there was a scan, no scanner takes them.

    Args:
        schedule: Harbor's answer; empty or None without one.
        stats: the progress of the last scan.
        artifacts: Harbor's oldest artifacts; a registry without any has nothing to scan.
    """
    listed = list(artifacts)
    overviews = [one for artifact in listed for one in (artifact.get("scan_overview") or {}).values()]
    last = newest(_run(one) for one in overviews)
    if not listed or (last is None and stats.get("total")):
        return None
    known = system_job(SCAN_ALL, schedule, [])
    return Job(known.id, known.name, known.log, known.cron, known.scheduled, last)


def _run(overview: Mapping[str, Any]) -> JobRun | None:
    """Return one artifact's scan; its failure is no failure of the whole."""
    began = moment(overview.get("start_time"))
    return JobRun(0, "", began) if began else None


def scan_findings(stats: Mapping[str, Any], watch: Watch) -> Iterator[Finding]:
    """Yield a finding if many scans of the last scan of all images failed; Harbor does not say when that was."""
    total = int(stats.get("total") or 0)
    failed = sum(int(count) for status, count in (stats.get("metrics") or {}).items() if status.lower() in FAILED)
    if total and 100 * failed >= watch.scan_failed_percent * total:
        words = f"{failed} of {total} scans of the last scan of all images failed"
        yield Finding(
            "job:scan-all", words, "read why in the scan log of an artifact in Harbor's portal; is the scanner healthy?"
        )
