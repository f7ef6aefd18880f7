"""What a task says of its resources, in Nornir's own results."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from nornir.core.task import Result, Task

from moor.engine.plan import Change
from moor.errors import HostError
from moor.resources.base import Resource

Status = Literal["ok", "changed", "drift", "failed", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """What became of one change; ``error`` is empty unless it failed."""

    change: Change
    status: Status
    error: str = ""


def new_run() -> str:
    """Name a run so that names sort by time."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def run_of(task: Task) -> str:
    """Give the run that a task belongs to."""
    name: str = task.nornir.config.user_defined.setdefault("run", new_run())
    return name


def report(
    task: Task, resources: Sequence[Resource], outcomes: Sequence[Outcome], skipped: Sequence[Change] = ()
) -> Result:
    """Append a sub-result for every resource to the task's MultiResult and give the Result that sums them up.

    Each sub-result is named by its resource's id and has ``status`` besides Nornir's ``changed``, ``diff``, ``failed``.
    """
    by_id = {o.change.id: o for o in [*(Outcome(change, "skipped") for change in skipped), *outcomes]}
    task.results.extend(_sub_result(task, resource, by_id.get(resource.id)) for resource in resources)
    changed = [o for o in outcomes if o.status in ("changed", "drift")]
    words = f"{len(changed)} of {len(resources)} {'would change' if task.is_dry_run() else 'changed'}"
    diff = "\n".join(f"{o.change.id}\n{o.change.diff}" for o in changed)
    return Result(host=task.host, result=words, changed=bool(changed), diff=diff)


def _sub_result(task: Task, resource: Resource, outcome: Outcome | None) -> Result:
    status: Status = outcome.status if outcome else "ok"
    failed = status == "failed"
    result = Result(
        host=task.host,
        result=outcome.error if outcome and failed else status,
        changed=status in ("changed", "drift"),
        diff=outcome.change.diff if outcome else "",
        failed=failed,
        exception=HostError(outcome.error) if outcome and failed else None,
        status=status,
    )
    result.name = resource.id  # type: ignore[assignment]  # Nornir's own annotation of name is None
    return result
