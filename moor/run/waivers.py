"""Waivers: findings that the operator accepts until a date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from moor.engine.findings import EXAMINED, Finding
from moor.run.report import RunReport
from moor.settings.document import InputFaults, Source, Tree, load_yaml
from moor.settings.section import StrictModel
from moor.settings.validation import validate

NonEmpty = Annotated[str, Field(min_length=1)]


class Waiver(StrictModel):
    """One entry of waivers.yaml.

    Attributes:
        host: a host's name, or a pattern such as ``node*``; empty for findings of the whole fleet.
        id: the finding's id, or a pattern.
        until: the last day on which it holds, in UTC.
    """

    host: str = ""
    id: NonEmpty
    reason: NonEmpty
    owner: NonEmpty
    until: date

    @field_validator("id")
    @classmethod
    def _can_be_waived(cls, value: str) -> str:
        if fnmatchcase(EXAMINED, value):
            raise ValueError(
                f"{EXAMINED} cannot be waived: the state of such a host is unknown; name the finding that you mean"
            )
        return value

    def covers(self, host: str, name: str) -> bool:
        """Return whether the waiver covers the finding ``name`` of ``host``."""
        return fnmatchcase(host, self.host) and fnmatchcase(name, self.id)

    def __str__(self) -> str:
        return f"{self.reason} ({self.owner}, until {self.until})"


def read_waivers(path: Path, site: Path) -> list[Waiver]:
    """Read waivers.yaml, if it exists; raise InputError with everything that is wrong in it."""
    if not path.exists():
        return []
    findings = InputFaults()
    shown = str(path.relative_to(site) if path.is_relative_to(site) else path)
    tree = load_yaml(path, shown, findings)
    findings.raise_if_any()
    made = [validate(Waiver, entry, site, findings) for entry in _entries(tree, shown, findings)]
    findings.raise_if_any()
    return [waiver for waiver in made if waiver]


def _entries(tree: Tree, shown: str, findings: InputFaults) -> Sequence[Tree]:
    if isinstance(tree.value, tuple):
        return tree.value
    if tree.value not in (None, {}):
        findings.add(Source(shown, 1), "must be a list: of host, id, reason, owner and until")
    return ()


def apply_waivers(report: RunReport, waivers: Iterable[Waiver], today: date | None = None) -> None:
    """Mark the findings that waivers cover; an expired waiver covers nothing and is a finding itself."""
    day = today or datetime.now(UTC).date()
    known = list(waivers)
    holding = [waiver for waiver in known if waiver.until >= day]
    for finding in report.findings:
        finding.waived = finding.waived or _word(holding, finding.host, finding.id)
    for name, host in report.hosts.items():
        for resource in host.resources:
            if resource.status in ("drift", "failed"):
                resource.waived = resource.waived or _word(holding, name, resource.id)
    report.findings += [_expired(waiver) for waiver in known if waiver.until < day]


def _word(waivers: Iterable[Waiver], host: str, name: str) -> str:
    return next((str(waiver) for waiver in waivers if waiver.covers(host, name)), "")


def _expired(waiver: Waiver) -> Finding:
    place = f"{waiver.host}/{waiver.id}" if waiver.host else waiver.id
    what = f"the waiver of {place} ended on {waiver.until}: {waiver.reason} ({waiver.owner})"
    return Finding(f"waiver:{place}", what, "mend what it covers and remove it from waivers.yaml, or extend it")
