"""The watch over a registry: what its host and its API show beside what the inventory says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import runs_registry
from moor.engine.converge import converge, read_missing
from moor.engine.desired import desired_of
from moor.engine.findings import Expiry, Finding
from moor.engine.measurements import Filling, Lasting, Measured, human
from moor.engine.observation import observation_of
from moor.errors import ErrorKind, HarborUnreachable, HostError, merge_errors
from moor.resources.base import Resource, State
from moor.settings import settings_of
from moor.tasks.expiry.certificates import report_findings
from moor.tasks.expiry.dates import all_robots
from moor.tasks.harbor.api import api_login_of
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.registry.answers import Answers, answers_of
from moor.tasks.registry.project.settings import Projects
from moor.tasks.registry.replication.names import is_own
from moor.tasks.registry.written_system import written_system
from moor.tasks.watched import questions
from moor.tasks.watched.disk import DataDisk, disk_of_host, filling
from moor.tasks.watched.jobs import (
    Job,
    job_findings,
    queue_findings,
    replication_job,
    system_job,
)
from moor.tasks.watched.questions import LastRuns, Schedule
from moor.tasks.watched.restarts import ComponentStarts, find_loops
from moor.tasks.watched.retentions import retentions
from moor.tasks.watched.robots import unused_robots
from moor.tasks.watched.scans import SCANS, OldestArtifacts, scan_findings, scan_job
from moor.tasks.watched.settings import Watch

Found = Iterator[Finding | Expiry | Measured]
SYSTEM_JOBS = {
    "/system/gc": Job("job:gc", "garbage collection", "Harbor's portal, Clean Up"),
    "/system/purgeaudit": Job("job:purge-audit", "purge of the audit log", "Harbor's portal, Clean Up, Log Rotation"),
}
READ_ONLY = "Harbor's read-only mode is on: nothing can be pushed or changed"
WRITABLE = (
    "switch it off in Harbor's portal, Configuration, once what it was for is over; or write read_only: true below "
    "data.harbor_system, if it is meant"
)


def desired(host: Host) -> Sequence[Resource]:
    """Return the disk and the restarts to read on the registry's host; nothing on one that stands for it."""
    if not host.has_parent_group("harbor"):
        return []
    harbor = settings_of(host, HarborSettings)
    return [DataDisk(harbor.data_volume), ComponentStarts(harbor.directory)]


def watch_registry(task: Task) -> Result:
    """Report what of the registry runs full, has failed, does not run, or is not used; nothing is changed."""
    resources, seen = desired_of(task, desired), observation_of(task.host)
    read_missing(task, resources, seen)
    watch = settings_of(task.host, Watch)
    on_host = list(_of_host(task.host, seen.states, watch)) if resources else []
    disk_is_known = any(isinstance(found, Filling) for found in on_host)
    report_findings(task, iter(on_host), by_api(task, watch, disk_is_known=disk_is_known))
    return converge(task, resources)


def _of_host(host: Host, states: Mapping[str, State | None], watch: Watch) -> Found:
    """Yield what Harbor's own host shows."""
    harbor = settings_of(host, HarborSettings)
    yield from disk_of_host(harbor.data_volume, states.get(f"disk:{harbor.data_volume}"), host.name, watch)
    yield from find_loops(states.get(f"restarts:{harbor.directory}"), host.name)


def by_api(task: Task, watch: Watch, *, disk_is_known: bool) -> Found:
    """Yield what Harbor's API shows; of a Harbor of others, what moor's account may not see is left out.

    Raises:
        HarborUnreachable: Harbor did not answer
        HostError: it refused some requests; raised after all others
    """  # noqa: DOC501  # merge_errors makes one
    if api_login_of(task.host) is None:
        return
    troubles: list[HostError] = []
    for source in _sources(task, watch, disk_is_known=disk_is_known):
        try:
            yield from source
        except HarborUnreachable:
            raise  # it would be waited for again and again
        except HostError as error:
            if runs_registry(task.host) or error.kind is not ErrorKind.PRIVILEGE:
                troubles.append(error)
    if troubles:
        raise merge_errors(troubles)


def _sources(task: Task, watch: Watch, *, disk_is_known: bool) -> list[Found]:
    answers, now = answers_of(task), datetime.now(UTC)
    sources = [
        read_only(answers, watch, meant=read_only_is_meant(task.host)),
        full_quotas(answers, watch),
        system_jobs(answers, watch, now),
        replications(answers, watch, now),
        retentions(answers, watch, now),
        scans(answers, watch, now),
        queues(answers),
        robots(task, answers, watch, now),
    ]
    if not disk_is_known:
        sources.append(disk_by_api(answers, watch))
    return sources


def read_only_is_meant(host: Host) -> bool:
    """Return whether the inventory itself sets read-only mode."""
    system = written_system(host)
    return bool(system and system.read_only)


def read_only(answers: Answers, watch: Watch, *, meant: bool) -> Found:
    """Yield whether read-only mode is on; a backup may set it for minutes, so that it counts once it lasts."""
    system = answers.one(questions.SYSTEM) or {}
    if "read_only" in system:
        yield Lasting(
            id="read-only:registry",
            what=READ_ONLY,
            value=int(bool(system["read_only"]) and not meant),
            remedy=WRITABLE,
            minutes=watch.read_only_minutes,
        )


def disk_by_api(answers: Answers, watch: Watch) -> Found:
    """Yield how full the disk of Harbor's core is, which holds the images if they are in the file system."""
    if (answers.one(questions.SYSTEM) or {}).get("registry_storage_provider_name") != "filesystem":
        return
    for number, disk in enumerate((answers.one(questions.VOLUMES) or {}).get("storage") or (), 1):
        name = f"disk:registry{f'-{number}' if number > 1 else ''}"
        yield filling(name, "the registry's disk", disk["total"] - disk["free"], disk["total"], "", watch)


def full_quotas(answers: Answers, watch: Watch) -> Found:
    """Yield a finding for each project whose quota is nearly used up."""
    for quota in answers.to(questions.QUOTAS):
        hard, used = quota["hard"].get("storage", -1), quota["used"].get("storage", 0)
        name = str((quota.get("ref") or {}).get("name") or quota.get("id"))
        if hard > 0 and 100 * used >= watch.quota_percent * hard:
            words = f"the project {name} uses {human(used)} of its quota of {human(hard)} ({int(100 * used / hard)} %)"
            yield Finding(
                f"quota:{name}", words, f"raise data.projects.{name}.quota, or delete images there (retention rules)"
            )


def system_jobs(answers: Answers, watch: Watch, now: datetime) -> Found:
    """Yield what is wrong with garbage collection and the purge of the audit log."""
    for path, job in SYSTEM_JOBS.items():
        schedule, runs = answers.one(Schedule(f"{path}/schedule")), answers.to(LastRuns(path))
        yield from job_findings(system_job(job, schedule, runs), watch, now)


def replications(answers: Answers, watch: Watch, now: datetime) -> Found:
    """Yield what is wrong with the replication rules that are enabled; those to a standby have a watch of their own."""
    policies = [one for one in answers.to(questions.POLICIES) if one.get("enabled") and not is_own(one["name"])]
    asked = questions.executions_of(policies)
    answers.fetch(asked.values())
    for policy in policies:
        yield from job_findings(replication_job(policy, answers.to(asked[policy["id"]])), watch, now)


def queues(answers: Answers) -> Found:
    """Yield the queues of the job service that are paused."""
    yield from queue_findings(answers.to(questions.QUEUES) or [])


def scans(answers: Answers, watch: Watch, now: datetime) -> Found:
    """Yield what is wrong with scans; a Harbor without a scanner refuses the questions."""
    try:
        stats, schedule = answers.one(SCANS) or {}, answers.one(Schedule("/system/scanAll/schedule"))
    except HostError as error:
        if error.kind is not ErrorKind.REFUSED:
            raise
        return
    found = list(scan_findings(stats, watch))
    if not found and schedule and (job := scan_job(schedule, stats, answers.to(OldestArtifacts()))):
        found = list(job_findings(job, watch, now))
    yield from found


def robots(task: Task, answers: Answers, watch: Watch, now: datetime) -> Found:
    """Yield the robots that nobody has used."""
    projects = settings_of(task.host, Projects).by_name
    every = list(all_robots(answers, projects, partly=not runs_registry(task.host)))
    yield from unused_robots(every, answers, watch.robot_unused_days, now)
