"""The page bench/results.md, with the results and the targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from textwrap import fill

from bench.alone import Pair
from bench.results import AT, FLOOR, LINK_MBIT, Aim, Results, aims, each_ms, line_of
from bench.rounds import LARGE, Figures, Table

HOW = f"""\
Written by `make bench`. Every tool checks the same eight things on every host: four files by content, mode and owner,
a line of /etc/hosts, a service, the rules of nftables, free disk. Every kind of drift was planted on a host first, and
every tool reported those hosts and no others. Hosts are light ones of the lab; 20 are worked on at once; all
connections are new, with strict host keys, and those of OpenSSH use curve25519 and aes128-gcm. moor plans, makes a
diff, and records the run in its history.

CPU is what the kernel charged to the control group of the command and all that it started, Python's start included,
and not the hosts' own. Memory is the sum of the resident sizes of all processes, looked at ten times a second. All
figures are medians of rounds in which everybody takes turns; more than {LARGE} hosts take part in the first two.
Comparisons are made at {AT} hosts, or at the largest size below that a tool was measured at: what costs hundreds of
milliseconds a host is measured on fewer.
"""

WARM = """\
What a repeated check takes beyond an empty command is moor's own: the plan, and being woken. An answer comes in steps
(a channel, a shell, sudo, the script, its end), and each step wakes a thread that finds nothing of its own in the
processor's caches, with twenty hosts' work on the same processors.
"""


def page(results: Results) -> str:
    """Return the whole page."""
    parts = [
        f"# What a check costs\n\n{HOW}",
        f"{results.machine}. Rounds: {results.rounds}; they took {results.took_s / 60:.0f} minutes.\n",
        "![CPU a host over the number of hosts](results.svg)\n",
        f"## CPU, ms a host\n\n{table(results.table, lambda size, found: f'{found.cpu_s * 1000 / size:.1f}', ratio)}",
        f"## To be reached\n\n{judged(aims(results))}",
        f"## Cost over the number of hosts\n\n{lines(results)}",
        f"## Time, s\n\n{table(results.table, lambda _, found: f'{found.wall_s:.1f}')}",
        f"## Memory, MB\n\n{table(results.table, lambda _, found: f'{found.peak_mb:.0f}')}",
        f"## moor alone\n\n{alone(results)}\n{WARM}",
        f"## Versions\n\n{''.join(f'- {name}: {version}{chr(10)}' for name, version in results.versions.items())}",
    ]
    return "\n".join(parts)


Cell = Callable[[int, Figures], str]
Last = Callable[[Table, str], str]


def table(measured: Table, cell: Cell, last: Last | None = None) -> str:
    """Return a table of contenders over sizes, with a dash for sizes that were not measured."""
    sizes = sorted({size for found in measured.values() for size in found})
    heads = ["", *(f"N={size}" for size in sizes), *(["to raw ssh"] if last else [])]
    rows = [
        [name, *(cell(size, found[size]) if size in found else "-" for size in sizes)]
        + ([last(measured, name)] if last else [])
        for name, found in measured.items()
    ]
    return rows_of(heads, rows)


def rows_of(heads: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


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
    """Return the fixed cost of a run and the cost per host."""
    rows = [
        [name, f"{line.fixed / 1000:.2f}", f"{line.each:.2f}", f"{line.determination:.4f}"]
        for name, sizes in results.table.items()
        if (line := line_of(sizes))
    ]
    told = rows_of(["", "a run, s", "every host, ms", "determination"], rows) if rows else "Too few sizes for a line.\n"
    return f"CPU = a run's own + N times a host's, by least squares.\n\n{told}{rest(results)}"


def rest(results: Results) -> str:
    """Return the parts of moor's cost at the size of the comparisons."""
    return "".join(f"\n{fill(words, 120)}\n" for name in results.library_ms if (words := _consists(results, name)))


def _consists(results: Results, name: str) -> str:
    own = results.table.get(name, {})
    line = line_of(own)
    if line is None or AT not in own:
        return ""
    imports, (login, command) = results.libraries[name].cpu_s * 1000 / AT, results.library_ms[name]
    return (
        f"{name}: of {each_ms(own):.1f} ms a host at {AT} hosts, {line.fixed / AT:.1f} are the start of Python, "
        f"imports, the inventory and the record in history, and {line.each:.1f} are the host's own: the key exchange, "
        f"the script and its answer, the plan. To import the libraries that it stands on, SQLAlchemy above all, "
        f"takes {imports:.1f}, a login by its library of SSH alone {login:.1f}, an empty command {command:.1f}: "
        f"{imports + login + command:.1f} ms a host, below which no check comes that uses them."
    )


def alone(results: Results) -> str:
    """Return the measurements of moor alone."""
    applied, linked = results.applied, results.linked
    warm = [[f"{name}: a check repeated by one process", f"{ms:.2f} ms a host"] for name, ms in results.warm_ms.items()]
    logins = [
        [f"{name}: {what} by its library of SSH alone", f"{ms:.2f} ms a host"]
        for name, spent in results.library_ms.items()
        for what, ms in zip(("a login", "an empty command"), spent, strict=True)
    ]
    rows = [
        ["`moor --help`", f"{results.start.cpu_s:.3f} s"],
        *logins,
        *warm,
        [f"a check of {applied.size} hosts", f"{applied.one.cpu_s:.2f} s"],
        ["an apply that changes 3 files on each of them", f"{applied.other.cpu_s:.2f} s"],
        *sent(linked, f"over a link of {LINK_MBIT / 1000:g} Gb/s"),
        *sent(results.uploaded, "within this machine, no link between"),
    ]
    return rows_of(["", "CPU"], rows)


def sent(pair: Pair, way: str) -> list[list[str]]:
    """Return the rows of an upload."""
    scp, moor = pair.one, pair.other
    return [
        [f"an upload of {pair.size} MB {way}, by scp", f"{scp.cpu_s:.2f} s, in {scp.wall_s:.1f} s"],
        ["the same by moor, which hashes it on both sides", f"{moor.cpu_s:.2f} s, in {moor.wall_s:.1f} s"],
    ]
