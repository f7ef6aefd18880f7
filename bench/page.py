"""The page bench/results.md, with the results and the targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import fill

from bench.aims import Aim, aims
from bench.alone import Alone, Pair
from bench.bundled import Bundled
from bench.configuration.measure import Configured
from bench.devices.measure import DevicesMeasured
from bench.distance.page import distances
from bench.images.measure import ImagesMeasured
from bench.results import AT, FLOOR, LINK_MBIT, MOOR, Results, each_ms, hosts_within, line_of
from bench.rounds import LARGE, Table
from bench.shared import pays_from
from bench.tables import rows_of, table
from bench.ways.page import ways_section

HOW = f"""\
Written by `make bench`. Every tool checks the same eight things on every host: four files by content, mode and owner,
a line of /etc/hosts, a service, the rules of nftables, free disk. Every kind of drift was planted on a host first, and
a tool that did not report exactly those hosts is not measured. Hosts are light ones of the lab; all connections are
new, with strict host keys, and those of OpenSSH use curve25519 and aes128-gcm. moor is measured as shipped, with the
number of hosts at once that it takes by itself; the others work on 20. It plans, makes a diff, and records the run in
its history.

CPU is what the kernel charged to the control group of the command and all that it started, Python's start included,
and not the hosts' own. Memory is the sum of the resident sizes of all processes, looked at ten times a second. All
figures are medians of rounds in which everybody takes turns; more than {LARGE} hosts take part in the first round
only, and so does what costs half a second a host. Comparisons are made at {AT} hosts, or at the largest size below that
a tool was measured at.
"""
MACHINES = (2, 4, 8, 32)  # numbers of workers
PERIODS = ((60, "a minute"), (300, "five minutes"), (3600, "an hour"))


def page(results: Results, missed: str = "") -> str:
    """Return the whole page; a part that was not measured has no section.

    Args:
        missed: what holds the targets that were missed
    """
    return "\n".join([f"# What a check costs\n\n{HOW}", *_sections(results, missed)])


def _sections(results: Results, missed: str) -> Iterator[str]:
    yield measured_parts(results)
    if found := aims(results):
        yield f"## To be reached\n\n{judged(found)}"
    if missed.strip():
        yield f"{missed.strip()}\n"
    if costs := results.table:
        yield "![CPU a host over the number of hosts](results.svg)\n"
        cpu = table(costs, lambda size, found: f"{found.cpu_s * 1000 / size:.1f}", ("to raw ssh", ratio))
        yield f"## CPU, ms a host\n\n{cpu}"
        yield f"## Cost over the number of hosts\n\n{lines(results)}"
        yield f"## Time, s\n\n{table(costs, lambda _, found: f'{found.wall_s:.1f}')}"
        yield f"## Memory, MB\n\n{table(costs, lambda _, found: f'{found.peak_mb:.0f}')}"
    if results.far:
        yield distances(results.far)
    yield from _of_moor(results)
    if results.versions:
        yield f"## Versions\n\n{''.join(f'- {name}: {version}{chr(10)}' for name, version in results.versions.items())}"


def measured_parts(results: Results) -> str:
    """Return when each part was measured, on which machine, and what failed."""
    rows = [
        [name, stamp.at, f"{stamp.took_s / 60:.1f}", str(stamp.rounds), stamp.machine]
        for name, stamp in results.parts.items()
    ]
    failed = {line: None for stamp in results.parts.values() for line in stamp.failures}
    told = "".join(f"- {line}\n" for line in failed)
    heads = ["part", "measured, UTC", "minutes", "rounds", "machine"]
    return rows_of(heads, rows) + (f"\nThese measurements failed:\n\n{told}" if told else "")


def ratio(measured: Table, name: str) -> str:
    """Return a contender's CPU as a multiple of raw ssh's."""
    return f"{each_ms(measured[name]) / each_ms(measured[FLOOR]):.2f}" if FLOOR in measured else "-"


def judged(found: Iterable[Aim]) -> str:
    """Return the targets, and whether they were met."""
    rows = [
        [
            aim.what,
            f"{aim.way} {aim.wanted:g}{aim.unit}",
            f"{aim.found:.4g}{aim.unit}",
            "yes" if aim.reached else "**no**",
        ]
        for aim in found
    ]
    return rows_of(["", "wanted", "found", "reached"], rows)


def lines(results: Results) -> str:
    """Return the fixed cost of a run, the cost per host, and what one process can check in a period."""
    rows = [
        [name, f"{line.fixed / 1000:.2f}", f"{line.each:.2f}", f"{line.determination:.4f}"]
        for name, sizes in results.table.items()
        if (line := line_of(sizes))
    ]
    told = rows_of(["", "a run, s", "every host, ms", "determination"], rows) if rows else "Too few sizes for a line.\n"
    return f"CPU = a run's own + N times a host's, by least squares.\n\n{told}{rest(results)}{one_process(results)}"


def one_process(results: Results) -> str:
    """Return how many hosts one process checks within some periods: a larger fleet is what workers are for."""
    line = line_of(results.table.get(MOOR, {}))
    if line is None:
        return ""
    rows = [[f"within {name}", f"{hosts_within(line, period_s):,}"] for period_s, name in PERIODS]
    words = "A process of moor has one processor. These are the hosts whose checks fit on it, by the line above."
    return f"\n{fill(words, 120)}\n\n{rows_of(['one process', 'hosts'], rows)}"


def by_workers(results: Results) -> Iterator[str]:
    """Yield what checks by workers cost, and from how many hosts on they are quicker than one process."""
    shared, alone = results.shared, line_of(results.table.get(MOOR, {}))
    if shared is None or not shared.controller_s:
        return
    words = (
        f"{shared.workers} workers of Dask share the hosts, in their second check. What the controller and the "
        "scheduler do is not shared."
    )
    sizes = sorted(shared.controller_s)
    sides = (("controller and scheduler", shared.controller_s), ("all workers", shared.workers_s))
    rows = [[name, *(f"{side[size] * 1000 / size:.1f}" for size in sizes)] for name, side in sides]
    spent = rows_of(["CPU, ms a host", *(f"N={size}" for size in sizes)], rows)
    yield f"## Checks by workers\n\n{fill(words, 120)}\n\n{spent}"
    if alone:
        counts = [(number, pays_from(alone, shared, number)) for number in MACHINES]
        judged = [[f"{number} workers", f"{hosts:,} hosts" if hosts else "never"] for number, hosts in counts]
        note = (
            "By these figures and the line of one process, as far as processors are what a check waits for, each "
            "worker having one of its own:"
        )
        yield f"{fill(note, 120)}\n\n{rows_of(['', 'quicker than one process from'], judged)}"


def rest(results: Results) -> str:
    """Return the parts of moor's cost at the size of the comparisons."""
    names = results.alone.library_ms if results.alone else ()
    return "".join(f"\n{fill(words, 120)}\n" for name in names if (words := _consists(results, name)))


def _consists(results: Results, name: str) -> str:
    own, alone = results.table.get(name, {}), results.alone
    line = line_of(own)
    if line is None or AT not in own or alone is None or name not in alone.libraries:
        return ""
    imports, (login, command) = alone.libraries[name].cpu_s * 1000 / AT, alone.library_ms[name]
    return (
        f"{name}: of {each_ms(own):.1f} ms a host at {AT} hosts, {line.fixed / AT:.1f} are the start of Python, "
        f"imports, the inventory and the record in history, and {line.each:.1f} are the host's own: the key exchange, "
        f"the script and its answer, the plan. To import the libraries that it stands on takes {imports:.1f}, a login "
        f"by its library of SSH alone {login:.1f}, an empty command {command:.1f}: "
        f"{imports + login + command:.1f} ms a host, below which no check comes that uses them."
    )


def _of_moor(results: Results) -> Iterator[str]:
    rows = [
        *(_alone(results.alone) if results.alone else ()),
        *(_applied(results.applied) if results.applied else ()),
        *(sent(results.linked, f"over a link of {LINK_MBIT / 1000:g} Gb/s") if results.linked else ()),
        *(sent(results.uploaded, "within this machine, no link between") if results.uploaded else ()),
    ]
    if rows:
        yield f"## moor alone\n\n{rows_of(['', 'CPU'], rows)}"
    if large := results.large:
        found = large.figures
        row = [f"{found.cpu_s * 1000 / large.names:.2f}", f"{found.wall_s:.0f}", f"{found.peak_mb:.0f}"]
        words = f"Several names stand for each of {large.hosts} hosts, each name with an address of its own."
        heads = ["hosts", "CPU, ms a host", "time, s", "memory, MB"]
        yield f"## A large fleet\n\n{words}\n\n{rows_of(heads, [[f'{large.names:,}', *row]])}"
    if planned := results.planned:
        rows = [[name, f"{cpu_s:.2f}"] for name, cpu_s in planned.phases.items()]
        heads = [f"{planned.hosts:,} hosts that answer at once", "CPU, s"]
        both = [*rows, ["all", f"{planned.cpu_s:.2f}"]]
        yield f"## A plan without the network\n\n{rows_of(heads, both)}\nMemory: {planned.peak_mb:.0f} MB.\n"
    if configured := results.configured:
        yield f"## A registry's configuration\n\n{_configured(configured)}"
    if bundled := results.bundled:
        yield f"## A bundle of images\n\n{_bundled(bundled)}"
    if images := results.images:
        yield f"## The images of a cluster\n\n{_images(images)}"
    if devices := results.devices:
        yield f"## Network devices\n\n{_devices(devices)}"
    if results.ways:
        yield f"## The way of packets\n\n{ways_section(results.ways)}"
    yield from by_workers(results)
    if results.host:
        rows = [[name, f"{cost.cpu_ms:.1f}", f"{cost.forks:g}"] for name, cost in results.host.items()]
        words = "sshd, the login, the shell and all that a check starts."
        yield f"## What a check costs the host\n\n{words}\n\n{rows_of(['', 'CPU, ms', 'processes'], rows)}"


def _configured(found: Configured) -> str:
    words = (
        f"{found.projects} projects of Harbor's stand-in on loopback, each with three robots, members, labels, a "
        "webhook, a quota, and rules of retention and of immutable tags, all as they should be. The bare requests are "
        "the same GETs, as many at once. Both open a connection for each, since the stand-in closes it after its "
        "answer, where Harbor keeps it. Both times begin with the start of Python."
    )
    rows = [
        ["a plan", f"{found.plan_s:.1f}", f"{found.cpu_s:.1f}", f"{found.requests:,}"],
        ["its bare requests", f"{found.bare_s:.1f}", "", f"{found.requests:,}"],
    ]
    return f"{fill(words, 120)}\n\n{rows_of(['', 'time, s', 'CPU, s', 'requests'], rows)}"


def _devices(found: DevicesMeasured) -> str:
    words = (
        f"{found.devices} simulated routers on loopback, each with a configuration of {found.lines:,} lines, whose "
        "access list is as it should be: by `moor drift`, which reads the running and the saved configuration, judges "
        "the list, and keeps the configuration without its secrets where it has changed; and by Netmiko, which reads "
        "the same two, on as many devices at once, with strict host keys. Both begin with the start of Python."
    )
    rows = [
        ["a check", f"{found.check_s:.1f}", f"{found.cpu_s:.1f}", f"{found.logins:,}", f"{found.shown:,}"],
        ["the first check, which keeps all", "", f"{found.first_cpu_s:.1f}", f"{found.logins:,}", ""],
        ["bare reads by Netmiko", f"{found.bare_s:.1f}", f"{found.bare_cpu_s:.1f}", f"{found.devices:,}", ""],
    ]
    heads = ["", "time, s", "CPU, s", "logins", "configurations read"]
    return f"{fill(words, 120)}\n\n{rows_of(heads, rows)}"


def _bundled(found: Bundled) -> str:
    words = (
        f"Images of {found.megabytes} MB together, of which a part is in all of them, from a registry on loopback: by "
        "`skopeo copy`, image by image, and by `moor bundle create`. Both times begin with the start of the program. "
        f"Memory of moor and of what it runs: {found.peak_mb:.0f} MB."
    )
    rows = [
        ["skopeo copy", f"{found.skopeo_s:.1f}"],
        ["a bundle that is a directory", f"{found.folder_s:.1f}"],
        ["a bundle that is one file", f"{found.file_s:.1f}"],
    ]
    return f"{fill(words, 120)}\n\n{rows_of(['', 'time, s'], rows)}"


def _images(found: ImagesMeasured) -> str:
    words = (
        f"{found.pods:,} pods of {found.images} images in {found.namespaces} namespaces of Kubernetes' stand-in, all "
        "as they should be; four fifths of the images are in the fleet's registry, where pulls need a login. The bare "
        "requests are the same ones, as many at once, with their answers parsed. Both times "
        "begin with the start of Python."
    )
    requests = f"{found.cluster_requests:,} + {found.registry_requests:,}"
    rows = [
        ["a check", f"{found.check_s:.1f}", f"{found.cpu_s:.1f}", requests, f"{found.peak_mb:.0f}"],
        ["its bare requests", f"{found.bare_s:.1f}", "", requests, ""],
    ]
    heads = ["", "time, s", "CPU, s", "requests to cluster + registries", "memory, MB"]
    return f"{fill(words, 120)}\n\n{rows_of(heads, rows)}"


def _alone(alone: Alone) -> Iterator[list[str]]:
    starts = (
        ("`moor --help`", alone.start),
        ("`moor plan` of one host, with the eight checks", alone.plan_one),
        ("`moor plan` of one host in the shipped lab, with all tasks", alone.plan_shipped),
    )
    for words, figures in starts:
        if figures:
            yield [words, f"{figures.cpu_s:.3f} s"]
    if alone.history_ms:
        yield ["history: to import what it needs", f"{alone.history_ms[0]:.0f} ms"]
        yield ["history: to record a check", f"{alone.history_ms[1]:.3f} ms a host"]
    for name, spent in alone.library_ms.items():
        for what, ms in zip(("a login", "an empty command"), spent, strict=True):
            yield [f"{name}: {what} by its library of SSH alone", f"{ms:.2f} ms a host"]
    for name, ms in alone.warm_ms.items():
        yield [f"{name}: a check repeated by one process", f"{ms:.2f} ms a host"]


def _applied(applied: Pair) -> list[list[str]]:
    return [
        [f"a check of {applied.size} hosts", f"{applied.one.cpu_s:.2f} s"],
        ["an apply that changes 3 files on each of them", f"{applied.other.cpu_s:.2f} s"],
    ]


def sent(pair: Pair, way: str) -> list[list[str]]:
    """Return the rows of an upload."""
    scp, moor = pair.one, pair.other
    return [
        [f"an upload of {pair.size} MB {way}, by scp", f"{scp.cpu_s:.2f} s, in {scp.wall_s:.1f} s"],
        ["the same by moor, which hashes it on both sides", f"{moor.cpu_s:.2f} s, in {moor.wall_s:.1f} s"],
    ]
