"""Questions about the fleet as a whole, that no single host's resources answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from nornir.core import Nornir

from moor.errors import MoorError
from moor.findings import Expiry, Finding


@dataclass(frozen=True)
class Survey:
    """A question that a runbook asks after its stages.

    ask  gives what it finds, through Nornir's tasks and connections where it must; it changes nothing.
         What it cannot find out raises MoorError.
    """

    name: str
    ask: Callable[[Nornir], Iterable[Finding | Expiry]]


@dataclass
class Surveyed:
    """What surveys found; ``answered`` names those that were answered to the end."""

    findings: list[Finding] = field(default_factory=list)
    expiries: list[Expiry] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)


def survey(nr: Nornir, surveys: Sequence[Survey], told: Callable[[str], None] = lambda _: None) -> Surveyed:
    """Ask every survey; one that cannot be answered is a finding itself, so that it never reads as clean."""
    found = Surveyed()
    for one in surveys:
        told(f"survey {one.name}")
        try:
            _take(found, one.name, list(one.ask(nr)))
        except MoorError as error:
            what = f"{one.name} could not be found out: {error}"
            found.findings.append(Finding(f"survey:{one.name}", what, state="unexamined", survey=one.name))
    return found


def _take(found: Surveyed, name: str, answers: Iterable[Finding | Expiry]) -> None:
    for answer in answers:
        if isinstance(answer, Expiry):
            found.expiries.append(answer)
        else:
            found.findings.append(replace(answer, survey=name))
    found.answered.append(name)


def expiring(expiries: Iterable[Expiry], within_days: int, now: datetime | None = None) -> list[Finding]:
    """Give a finding for everything that has ended or ends within ``within_days``."""
    moment = now or datetime.now(UTC)
    limit = moment + timedelta(days=within_days)
    soon = [expiry for expiry in expiries if datetime.fromisoformat(expiry.expires) <= limit]
    return [Finding(e.id, _ends(e, moment), e.remedy, e.host, survey="expiry") for e in soon]


def _ends(expiry: Expiry, now: datetime) -> str:
    end = datetime.fromisoformat(expiry.expires)
    verb = "expired" if end <= now else "expires"
    return f"{expiry.what} {verb} on {end:%Y-%m-%d %H:%M} UTC"
