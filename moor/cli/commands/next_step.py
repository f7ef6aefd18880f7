"""What to do next in this directory: ``moor`` without words. Files and history tell it; no host is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import wrap

from moor.cli.commands.running import configure_logging, print_safely
from moor.errors import InputError, MoorError, NothingRecorded
from moor.folding import fold
from moor.history.model import ExpiryRow, FindingRow, RunRow
from moor.output import paint
from moor.settings.access import SiteSettings
from moor.settings.config import CONFIG, read_config

SHOWN = 5  # so many findings are named, the others are counted
UNWATCHED = timedelta(days=2)  # after so long without a drift check, one is due
CHANGES = ("apply", "onboard", "restore", "mend")  # commands that brought hosts to what the inventory says
NEVER = datetime.min.replace(tzinfo=UTC)
NARROW = 100  # on a terminal that is narrower, a reason stands below its command
COLUMN = 34  # where the words behind a command begin


@dataclass(frozen=True)
class Known:
    """What files and history know of a site.

    Attributes:
        hosts: how many the inventory has; 0 where only a server knows
        edited: when a file of the site was last changed
        runs: newest first
        findings: those that are open and not waived
        expiries: the next one first
        warn_days: an expiry counts from so many days before its end
    """

    hosts: int = 0
    edited: datetime = NEVER
    runs: Sequence[RunRow] = ()
    findings: Sequence[FindingRow] = ()
    expiries: Sequence[ExpiryRow] = ()
    warn_days: int = 30
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


def show_next_step(directory: Path) -> int:
    """Print what to do next in ``directory``."""
    configure_logging(False)
    print_safely("\n".join([*_lines(directory), "", "moor --help shows every command."]))
    return 0


def _lines(directory: Path) -> Iterator[str]:
    if not (directory / CONFIG).is_file():
        yield from without_site(directory)
        return
    try:
        known = know(directory)
    except InputError as error:
        yield f"The site in {directory} has faults; nothing can be planned before they are mended:"
        yield from (f"  {line}" for line in str(error).splitlines())
        yield from ("", _step("moor check", "looks again, and then reaches every host"))
        return
    except MoorError as error:
        yield from (f"The history of {directory} cannot be read: {error}", "", *advise(Known()))
        return
    yield _headline(directory, known)
    yield from advise(known)


def without_site(directory: Path) -> Iterator[str]:
    """Yield what to do where there is no site."""
    yield f"No site is in {directory}: it has no {CONFIG}."
    yield ""
    around = [*directory.parents, *sorted(path for path in directory.glob("*") if path.is_dir())]
    for place in [place for place in around if (place / CONFIG).is_file()][:3]:
        yield _step(f"cd {place}", "there is one")
    yield _step("moor init", "asks what it needs, and writes a site for your fleet")
    yield _step("moor init --example small", "copies an example to start from")
    yield _step("moor lab up", "boots a fleet on this machine to try moor on (needs root)")


def know(directory: Path) -> Known:
    """Read the site's files and its history.

    Raises:
        InputError: every fault of the site's files.
        HistoryError: the history cannot be read.
    """
    from moor.history.database import connected
    from moor.history.reading import History

    settings, hosts = _settings_and_hosts(directory)
    edited = max((path.stat().st_mtime for path in _files(directory)), default=0.0)
    about = Known(hosts, datetime.fromtimestamp(edited, UTC), warn_days=settings.expires_within_days)
    try:
        with connected(settings, writing=False) as connection:
            history = History(connection)
            waived = [finding for finding in history.open() if not finding.waived]
            found = (history.runs(), waived, history.expiries())
    except NothingRecorded:
        return about
    return Known(hosts, about.edited, *found, warn_days=about.warn_days)


def _settings_and_hosts(directory: Path) -> tuple[SiteSettings, int]:
    from moor.context import site_of
    from moor.sites.site import open_site

    config = read_config(directory)
    if config.inventory.plugin != "FleetInventory" or config.inventory.options.netbox:  # a server would be asked
        return config.user_defined.moor, 0
    nr = open_site(directory, dry_run=True)
    return site_of(nr), len(nr.inventory.hosts)


def _files(directory: Path) -> Iterator[Path]:
    yield directory / CONFIG
    for folder in ("inventory", "runbooks", "tasks", "templates"):
        yield from (path for path in (directory / folder).rglob("*") if path.suffix in (".yaml", ".py", ".j2"))


def _headline(directory: Path, known: Known) -> str:
    counted = f", {known.hosts} host{'' if known.hosts == 1 else 's'}" if known.hosts else ""
    last = f"; the last run was {_run(known.runs[0])}" if known.runs else ""
    return f"Site {directory.name}{counted}{last}.\n"


def _run(run: RunRow) -> str:
    return f"{run.command} {run.runbook} at {run.started:%Y-%m-%d %H:%M} UTC".replace("  ", " ")


def advise(known: Known) -> Iterator[str]:
    """Yield the commands that are due, the most urgent first, each with the reason."""
    steps = [*_due(known)]
    yield from steps or [
        "Nothing is open.",
        _step("moor verify", "proves that every node pulls"),
        _step("moor drift", "looks for what has changed since"),
    ]


def _due(known: Known) -> Iterator[str]:
    applied = next((run for run in known.runs if run.command.partition(" ")[0] in CHANGES), None)
    if applied is None:
        yield "Nothing was applied from here yet:"
        yield _step("moor check", "reaches every host, and reports what would stop an apply")
        yield _step("moor plan", "shows what would change; changes nothing anywhere")
        yield _step("moor apply", "shows the plan, asks, and makes the changes")
        return
    yield from _after_apply(known, applied)
    yield from _open(known.findings)
    yield from _ending(known)
    yield from _unwatched(known)


def _after_apply(known: Known, applied: RunRow) -> Iterator[str]:
    if "(interrupted)" in applied.command:
        yield _step("moor apply", f"was interrupted: run {applied.run}; the same command goes on")
    elif applied.not_examined or applied.counts.get("failed"):
        yield _step(f"moor history {applied.run}", "tells on which hosts the last apply failed, and why")
        yield _step("moor plan --limit @failed", "looks at these hosts again")
    elif known.edited > applied.started:
        yield _step(
            "moor plan", f"files of the site were changed since the last apply ({applied.started:%Y-%m-%d %H:%M} UTC)"
        )
    elif not any(run.command == "verify" and run.started >= applied.started for run in known.runs):
        yield _step("moor verify", "nothing has proved yet that the last apply works")


def _open(findings: Sequence[FindingRow]) -> Iterator[str]:
    if not findings:
        return
    since = min(finding.first_seen for finding in findings)
    yield _step(
        "moor drift", f"{len(findings)} finding{'' if len(findings) == 1 else 's'} open, since {since:%Y-%m-%d}:"
    )
    by_id: dict[str, list[str]] = {}
    for finding in findings:
        by_id.setdefault(finding.id, []).append(finding.host)
    for identity, hosts in [*by_id.items()][:SHOWN]:
        names = fold([host for host in hosts if host])
        yield f"    ! {identity}{f'  [{names}]' if names else ''}"
    if len(by_id) > SHOWN:
        yield f"    and {len(by_id) - SHOWN} more"
    if any(finding.state == "drift" for finding in findings):
        yield _step("moor apply", "shows what would change, asks, and mends what differs")


def _ending(known: Known) -> Iterator[str]:
    for expiry in known.expiries:
        days = (expiry.expires - known.now).days
        if days <= known.warn_days:
            ends = f"ends in {days} day{'' if days == 1 else 's'}" if days >= 0 else "has ended"
            yield _step("moor cert show", f"{expiry.what} {ends}")
            return


def _unwatched(known: Known) -> Iterator[str]:
    last = next((run.started for run in known.runs if run.command == "drift"), None)
    if last is None or known.now - last > UNWATCHED:
        told = f"the last drift check is of {last:%Y-%m-%d}" if last else "nothing looks for drift yet"
        yield _step("moor schedule install --every 1h", told)


def _step(command: str, why: str) -> str:
    columns = paint.columns_of(sys.stdout)
    if columns and columns < NARROW:
        words = wrap(why, columns, initial_indent=" " * 6, subsequent_indent=" " * 6, break_on_hyphens=False)
        return "\n".join([f"  {command}", *words])
    return f"  {command:{COLUMN}}  {why}"
