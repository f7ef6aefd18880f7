"""The hosts and the runbook that a command line selects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from nornir.core import Nornir
from nornir.core.filter import F
from nornir.core.inventory import Host

from moor.context import context_of, fleet_of
from moor.errors import InputError
from moor.folding import fold
from moor.run.host_words import LIMIT, HostWords, Remembered, split_words
from moor.run.runbook import REGISTRY, Runbook, Stage, TaskFunction
from moor.settings.modules import RUNBOOKS, concern_of, load_module, modules_of
from moor.suggestions import did_you_mean

WHOLE = "site"  # the runbook with all concerns
GROUP = re.compile(r"'has_parent_group': '([^']+)'")  # in the text of a filter
SECTION = re.compile(r"hosts with (data\.[a-z_]+)")
ALL = 1_000_000  # more hosts than any batch has


def limit_hosts(nr: Nornir, expression: str | None, remembered: Remembered, called: str = LIMIT) -> Nornir:
    """Filter the hosts by the words of ``--limit``.

    Args:
        remembered: returns the hosts behind ``@failed`` and ``@drifted``
        called: what the user wrote the words behind

    Raises:
        InputError: it names no host, a word names nobody, or no host is left.
    """
    if expression is None:
        return nr
    if not (words := split_words(expression)):
        raise InputError(f"{called}: it names nobody; write hosts or groups, or leave it out for the whole fleet")
    chosen = HostWords(nr.inventory.hosts, nr.inventory.groups, remembered, called).chosen(words)
    if not chosen:
        raise InputError(f"{called} {expression}: no host is left; name other hosts")
    return nr.filter(filter_func=lambda host: host.name in chosen)


def refuse_unmatched(nr: Nornir, runbook: Runbook, command: str) -> None:
    """Raise InputError if no stage runs on any of the hosts, since a run without work would read as success."""
    if any(stage.runs_on(host) for host in nr.inventory.hosts.values() for stage in runbook.stages):
        return
    meant = [name for name, host in fleet_of(nr).hosts.items() if any(stage.runs_on(host) for stage in runbook.stages)]
    called = command if command.endswith(runbook.name) else f"{command} {runbook.name}"
    if meant:
        there = fold(list(nr.inventory.hosts), ", ")
        raise InputError(f"{called}: it has no stage for {there}; it is for {fold(meant, ', ')}")
    filters = " ".join(str(stage.on) for stage in runbook.stages)
    groups = fold(list(dict.fromkeys(GROUP.findall(filters))), ", ")
    sections = " or ".join(dict.fromkeys(SECTION.findall(filters)))
    if sections and not groups:
        words = "write it below the hosts, a group or the defaults; docs/settings.md has its keys"
        raise InputError(f"{called}: no host has {sections} in the inventory; {words}")
    remedy = f"; put one into {groups} in hosts.yaml" if groups else ""
    raise InputError(f"{called}: no host of the inventory is in a group that it is for{remedy}")


def registry_for(nr: Nornir, command: str) -> Host:
    """Return the registry's host, or the one that stands for it; raise InputError if --limit leaves it out."""
    found = next((host for host in nr.inventory.hosts.values() if REGISTRY(host)), None)
    if found is None:
        raise InputError(
            f"{command}: the registry's host is not among the hosts; a rotation concerns the whole fleet, without "
            "--limit"
        )
    return found


def refuse_unfilled(nr: Nornir, stages: Iterable[Stage]) -> None:
    """Raise InputError if the inventory has no host, or more than one, for a role that the stages need."""
    found = context_of(nr).role_faults
    lines = [line for name in dict.fromkeys(map(concern_of_stage, stages)) for line in found.get(name, ())]
    if lines:
        raise InputError("\n".join(lines))


def unmatched_hosts(nr: Nornir, runbook: Runbook) -> list[str]:
    """Return the hosts on which no stage runs."""
    hosts = nr.inventory.hosts
    return [name for name, host in hosts.items() if not any(stage.runs_on(host) for stage in runbook.stages)]


def find_runbook(site: Path, name: str) -> Runbook:
    """Return a runbook of a site, or the stages of one concern of its runbook ``site``.

    Args:
        site: the site's directory.
        name: one name, or several parted by spaces: their stages in one runbook, each once.

    Raises:
        InputError: no runbook or concern has the name, or the module defines no runbook.
    """
    known, words = modules_of(site).names(RUNBOOKS), list(dict.fromkeys(name.split()))
    concerns = [word for word in words if word not in known]
    books = [_runbook_named(site, word) for word in words if word in known]
    if concerns:
        books.append(_concerns_of(site, concerns, known))
    if len(books) == 1:
        return books[0]
    flags = {flag: all(getattr(book, flag) for book in books) for flag in ("proves", "looks", "independent")}
    about = "\n\n".join(book.about for book in books)
    return Runbook(" ".join(words), about, _each_once(stage for book in books for stage in book.stages), **flags)


def _runbook_named(site: Path, name: str) -> Runbook:
    if book := _runbook_in(site, name):
        return book
    raise InputError(f"runbooks/{name}.py: it has no RUNBOOK; write RUNBOOK = Runbook(...) there")


def _concerns_of(site: Path, names: Sequence[str], known: Iterable[str]) -> Runbook:
    """Return the stages of some concerns of the runbook ``site``, in its order."""
    whole = _runbook_named(site, WHOLE)
    there = list(dict.fromkeys(map(concern_of_stage, whole.stages)))
    lines = [
        f"no runbook is called {name}{did_you_mean(name, [*known, *there])}" for name in names if name not in there
    ]
    if lines:
        all_names = ", ".join(dict.fromkeys([*known, *there]))
        raise InputError("\n".join([*lines[:-1], f"{lines[-1]} (there are: {all_names})"]))
    stages = tuple(stage for stage in whole.stages if concern_of_stage(stage) in names)
    return replace(whole, name=" ".join(names), stages=stages)


def _each_once(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """Return the stages, with those of one task joined."""
    by_task: dict[TaskFunction, Stage] = {}
    for stage in stages:
        by_task[stage.task] = join_stages(by_task[stage.task], stage) if stage.task in by_task else stage
    return tuple(by_task.values())


def _runbook_in(site: Path, name: str) -> Runbook | None:
    book = getattr(load_module(site, RUNBOOKS, name), "RUNBOOK", None)
    return book if isinstance(book, Runbook) else None


def all_stages(site: Path, independent: bool = True) -> Runbook:
    """Return one runbook with the stages of all of a site's runbooks that plan, each once.

    Args:
        site: the site's directory.
        independent: for a drift check: no stage waits for another, and runbooks that only look are included.
    """
    every = [book for name in modules_of(site).names(RUNBOOKS) if (book := _runbook_in(site, name))]
    chosen = (book for book in every if not book.proves and not (book.looks and not independent))
    books = sorted(chosen, key=lambda book: book.name != WHOLE)
    stages = _each_once(replace(stage, needs="") if independent else stage for book in books for stage in book.stages)
    return Runbook("drift", "What has changed without a plan.", stages, independent=independent)


def join_stages(one: Stage, other: Stage) -> Stage:
    """Return one stage for the hosts of both, with the smaller batches of the two."""
    same = str(one.on) == str(other.on)  # filters can be compared only by their text
    on = one.on if same else cast(F, one.on | other.on) if one.on and other.on else None
    rolling = min(one.rolling, other.rolling, key=lambda rules: rules.batch or ALL)
    return replace(one, on=on, rolling=rolling)


def concern_of_stage(stage: Stage) -> str:
    """Return the concern that a stage belongs to."""
    return stage.concern or concern_of(stage.task.__module__)
