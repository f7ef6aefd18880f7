"""The rows that history keeps of a report: masked, and of limited length."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

from moor.engine.findings import Finding
from moor.run.report import HostReport, ResourceReport, RunReport, count_by_status, unwaived_findings
from moor.secrets.secret import mask

MAX_TEXT = 20_000  # characters of one text
VERIFY = "verify"


def run_values(report: RunReport) -> dict[str, Any]:
    """Return the row of a run."""
    return {
        "run": report.run,
        "command": report.command,
        "runbook": report.runbook,
        "started": datetime.fromisoformat(report.started),
        "duration_s": report.duration_s,
        "hosts": len(report.hosts),
        "not_examined": sum(bool(host.unexamined) for host in report.hosts.values()),
        "findings": sum(
            finding.state != "unexamined" for finding in unwaived_findings(report)
        ),  # these are in not_examined
        "counts": json.dumps(count_by_status(report)),
        "registry": report.registry,
        "ticket": report.ticket,
    }


def host_values(report: RunReport, name: str, host: HostReport) -> dict[str, Any]:
    """Return the row of a host in a run."""
    found = json.dumps(Counter(resource.status for resource in host.resources))
    error = text_of("\n".join(host.unexamined) or host.error)
    kind = next(iter(host.unexamined_kinds), host.error_kind)
    proofs = {resource.id: resource.status for resource in host.resources} if report.command == VERIFY else None
    return {
        "run": report.run, "host": name, "reached": host.reached, "error": error, "counts": found, "error_kind": kind,
        "proofs": json.dumps(proofs) if proofs else None,
    }  # fmt: skip


def change_values(resource: ResourceReport) -> dict[str, Any]:
    """Return the row of a resource, without its run and host."""
    texts = {"diff": text_of(resource.diff), "error": text_of(resource.error or resource.held)}
    causes = [{key: text_of(words) for key, words in vars(cause).items()} for cause in resource.causes]
    kept = json.dumps(causes) if causes else None
    return {
        "id": resource.id, "status": resource.status, **texts, "error_kind": resource.error_kind, "causes": kept,
    }  # fmt: skip


def kept_values(finding: Finding, seen: datetime) -> dict[str, Any]:
    """Return what each run writes of a finding that is open."""
    return {
        "state": finding.state,
        "stage": finding.stage,
        "what": text_of(finding.what),
        "remedy": text_of(finding.remedy),
        "waived": text_of(finding.waived),
        "last_seen": seen,
        "error_kind": finding.error_kind,
    }


def text_of(text: str) -> str:
    """Return a text as history keeps it: masked, and of limited length."""
    masked = mask(text).replace("\0", "\\0")  # PostgreSQL refuses zero bytes in a text
    return masked if len(masked) <= MAX_TEXT else f"{masked[:MAX_TEXT]}\n... {len(masked) - MAX_TEXT} more characters"
