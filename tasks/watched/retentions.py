"""Retention of tags: whether a project's policy failed, hangs, or did not run when its schedule says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moor.connections.apis.harbor import Harbor, require_success
from moor.connections.apis.harbor_answers import parse_answer
from moor.engine.findings import Finding
from moor.tasks.registry.answers import API, Answers
from moor.tasks.registry.project.number import PROJECTS
from moor.tasks.registry.project.retention import NUMBER, Policy
from moor.tasks.watched.jobs import Job, job_findings, newest, run_of
from moor.tasks.watched.questions import NOT_FOUND, PAGE, RUNS
from moor.tasks.watched.settings import Watch


@dataclass(frozen=True)
class Executions:
    """The runs of a policy; Harbor keeps some dozens of each."""

    policy: str

    def ask(self, harbor: Harbor) -> list[dict[str, Any]]:
        """Ask for them; none of a policy that is gone."""
        answer = harbor.ask("GET", f"{API}/retentions/{self.policy}/executions", query={"page_size": str(PAGE)})
        return [] if answer.status_code == NOT_FOUND else list(parse_answer(RUNS, require_success(answer)) or ())


def retentions(answers: Answers, watch: Watch, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with the policies that have a schedule."""
    listed = {one["name"]: str((one.get("metadata") or {}).get(NUMBER) or "") for one in answers.every(PROJECTS)}
    policies = {name: Policy(number) for name, number in listed.items() if number}
    answers.fetch(policies.values())
    crons = {name: _cron(answers.one(policy)) for name, policy in policies.items()}
    asked = {name: Executions(listed[name]) for name, cron in crons.items() if cron}
    answers.fetch(asked.values())
    for name, question in asked.items():
        yield from job_findings(retention_job(name, crons[name], answers.to(question)), watch, now)


def retention_job(project: str, cron: str, executions: Iterable[Mapping[str, Any]]) -> Job:
    """Return a project's retention as a job; a dry run is none of its runs.

    Harbor does not say since when a policy has its schedule, so that one which never ran has none here.
    """
    last = newest(run_of(run, "status", "start_time") for run in executions if not run.get("dry_run"))
    log = f"Harbor's portal, Projects, {project}, Policy, Tag Retention"
    return Job(f"job:retention/{project}", f"tag retention of {project}", log, cron if last else "", None, last)


def _cron(policy: Mapping[str, Any] | None) -> str:
    trigger = (policy or {}).get("trigger") or {}
    return str((trigger.get("settings") or {}).get("cron") or "")
