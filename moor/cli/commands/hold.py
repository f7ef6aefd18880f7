"""The actions of hold and release."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from fnmatch import fnmatchcase

from nornir.core import Nornir

from moor.cli.commands.running import open_fleet, print_report, remember, run_and_report
from moor.cli.options import Options
from moor.context import HoldOrder, change_context, site_of
from moor.engine.holds import EVERYTHING, today
from moor.errors import InputError
from moor.output.holds import render_holds
from moor.resources.base import Probed
from moor.run.foresight import resources_ahead
from moor.run.holding import HOLDING
from moor.run.host_words import LIMIT
from moor.run.selection import all_stages
from moor.suggestions import did_you_mean

DAYS = re.compile(r"(\d{1,3})d")
LONGEST_DAYS = 366  # a hold that is longer is a setting


def hold(options: Options, what: str, until: str, reason: str) -> int:
    """Hold hosts, or what is on them, and return 0; 1 if one was not reached."""
    day = _day(until)
    limited, name = _chosen(options, what)
    with open_fleet(limited, dry_run=False, called=_called(options, "hold")) as nr:
        if name != EVERYTHING and options.limit is None:
            nr = _holders(nr, name)
        return _run(nr, limited, HoldOrder(name, day.isoformat(), reason), "hold")


def release(options: Options, what: str) -> int:
    """End holds, and return 0; 1 if a host was not reached."""
    limited, name = _chosen(options, what)
    with open_fleet(limited, dry_run=False, called=_called(options, "release")) as nr:
        return _run(nr, limited, HoldOrder(name, releases=True), "release")


def show(options: Options, what: str) -> int:
    """Show what is held, and return 0; 1 if a host was not reached."""
    limited, _ = _chosen(options, what) if what else (options, "")
    with open_fleet(limited, dry_run=True, called=_called(options, "hold")) as nr:
        return _run(nr, limited, HoldOrder(), "hold")


def _run(nr: Nornir, options: Options, order: HoldOrder, command: str) -> int:
    change_context(nr, hold_order=order)
    report = run_and_report(nr, HOLDING, options, command)
    if not nr.data.dry_run:
        remember(nr, report)
    print_report(options, report, render_holds(report, order))
    return 1 if report.failed else 0


def _called(options: Options, command: str) -> str:
    """Return what the user wrote the hosts behind."""
    return command if options.limit is None else LIMIT


def _chosen(options: Options, what: str) -> tuple[Options, str]:
    """Return the options with the hosts of ``what``, and the id that is meant: everything, unless ``what`` is one."""
    if ":" in what:
        return options, what
    if options.limit is not None:
        raise InputError(f"{what}: name the hosts here or by --limit, not by both")
    return replace(options, limit=what), EVERYTHING


def _day(text: str) -> date:
    """Return the day that a text means; raise InputError if it is none, or not one of the next year."""
    if found := DAYS.fullmatch(text):
        day = today() + timedelta(days=int(found[1]))
    else:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise InputError(f"--until {text}: not a day; write one such as {today()}, or 3d for three days") from None
    if not today() <= day <= today() + timedelta(days=LONGEST_DAYS):
        raise InputError(f"--until {text}: must be a day from today, {today()}, within a year")
    return day


def _holders(nr: Nornir, name: str) -> Nornir:
    """Return the hosts that are known, before any is asked, to have a resource; raise InputError if none is."""
    stages = all_stages(site_of(nr).directory).stages
    known = {host.name: list(resources_ahead(host, stages)) for host in nr.inventory.hosts.values()}
    chosen = {
        host
        for host, resources in known.items()
        if any(isinstance(one, Probed) and fnmatchcase(one.id, name) for one in resources)
    }
    if chosen:
        return nr.filter(filter_func=lambda host: host.name in chosen)
    every = {one.id for resources in known.values() for one in resources}
    if any(fnmatchcase(one, name) for one in every):
        raise InputError(f"hold: {name} is behind an API and on no host, where a hold is kept; --skip leaves it out")
    words = f"hold: no host is known to have {name}{did_you_mean(name, sorted(every))}"
    raise InputError(f"{words}; moor plan shows ids, and --limit names the hosts")
