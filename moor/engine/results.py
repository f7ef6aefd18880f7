"""Nornir results for the resources and findings of a task."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import context_of
from moor.engine.findings import Expiry, Finding
from moor.engine.fingerprints import ChangeFingerprint, fingerprint
from moor.engine.images_in_use import ImageInUse
from moor.engine.measurements import Measured
from moor.engine.plan import Change, printable, printable_line
from moor.engine.resource_list import listed
from moor.errors import ErrorKind, HostError
from moor.resources.base import Resource

Found = Finding | Expiry | Measured | ImageInUse
Status = Literal["ok", "changed", "drift", "failed", "skipped", "held"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one change; ``error`` is empty and ``kind`` None unless it failed, ``held`` says why it waits."""

    change: Change
    status: Status
    error: str = ""
    kind: ErrorKind | None = None
    held: str = ""


@dataclass(frozen=True)
class Cause:
    """Why something fails: the rule that recognises it, the cause in words, and the remedy."""

    rule: str
    cause: str
    mend: str


class ResourceResult(Result):
    """The sub-result of one resource, named by its id; ``causes`` explain a failure where they are known.

    Attributes:
        print: the fingerprint of its change; None where nothing changes, and in a run that saves no plan.
        held: why a change was left for later.
    """

    print: ChangeFingerprint | None = None
    held: str = ""

    def __init__(
        self,
        host: Host | None,
        resource: str,
        status: Status,
        diff: str,
        error: str,
        causes: Sequence[Cause] = (),
        kind: ErrorKind | None = None,
    ) -> None:
        exception = HostError(error, kind) if error else None
        failed, changed = status == "failed", status in ("changed", "drift")
        # print_result of nornir-utils shows results as they are, from severity INFO on.
        severity = logging.ERROR if failed else logging.DEBUG if status == "ok" else logging.INFO
        super().__init__(
            host, printable(error) or status, changed, printable(diff), failed, exception, severity_level=severity
        )
        self.name = printable_line(resource)  # type: ignore[assignment]  # Nornir annotates what it sets later as None
        self.status = status
        self.causes = tuple(causes)

    @classmethod
    def of_right(cls, host: Host | None, name: str) -> ResourceResult:
        """Return the sub-result of a resource that is as it should be; most are, so this one is made quickly.

        Args:
            host: of the resource.
            name: the resource's id, safe to print.
        """
        made = cls.__new__(cls)
        vars(made).update(_right(), host=host, name=name)
        return made

    @property
    def is_right(self) -> bool:
        """Return whether nothing but its name is to be said of the resource."""
        return self.status == "ok" and not (self.diff or self.exception or self.causes)


@cache
def _right() -> dict[str, object]:
    return vars(ResourceResult(None, "", "ok", "", ""))


class FindingResult(Result):
    """The sub-result for a finding, an expiry, a measurement or an image, which belongs to no resource."""

    def __init__(self, host: Host | None, found: Found) -> None:
        super().__init__(host, printable("\n".join(filter(None, (found.what, found.remedy)))))
        self.name = printable_line(found.id)  # type: ignore[assignment]  # as above
        self.found = found


def report_outcomes(task: Task, resources: Sequence[Resource], outcomes: Sequence[Outcome]) -> Result:
    """Append a ResourceResult for every resource to the task's MultiResult, and return the Result that counts them."""
    by_id = {outcome.change.id: outcome for outcome in outcomes}
    every, host = listed(resources), task.host
    key = context_of(task).fingerprint_key if outcomes else ""
    task.results.extend(
        _sub_result(host, by_id[name], key) if name in by_id else ResourceResult.of_right(host, shown)
        for name, shown in zip(every.ids, every.shown_ids, strict=True)
    )
    changed = [o for o in outcomes if o.status in ("changed", "drift")]
    words = f"{len(changed)} of {len(every)} {'would change' if task.is_dry_run() else 'changed'}"
    return Result(host=host, result=words, changed=bool(changed))


def _sub_result(host: Host, outcome: Outcome, key: str) -> ResourceResult:
    change = outcome.change
    made = ResourceResult(host, change.id, outcome.status, change.diff, outcome.error, kind=outcome.kind)
    made.print = fingerprint(change, key) if key and not outcome.held else None
    made.held = outcome.held
    return made
