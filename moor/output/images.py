"""The images of a cluster as text, by registry, as wide as the terminal."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from textwrap import wrap

from moor.engine.findings import Finding
from moor.engine.images_in_use import ImageInUse
from moor.run.report import RunReport, open_findings

NARROWEST, WIDEST = 50, 120  # columns
DEEP = " " * 6
SHOWN = 3  # users and namespaces in a line
STATES = {"missing": "missing", "denied": "not pullable", "unexamined": "not examined", "skipped": "not asked"}


def render_images(report: RunReport, *, only_faults: bool, columns: int = 0) -> str:
    """Return images with their faults, a registry after the other, then other findings and the counts.

    Args:
        only_faults: leave out images without a fault
        columns: the width; 0 for that of the terminal
    """
    width = min(max(columns or shutil.get_terminal_size((100, 24)).columns, NARROWEST), WIDEST)
    waived = {(finding.host, finding.id): finding.waived for finding in report.findings if finding.waived}
    by_registry: dict[tuple[str, str], list[ImageInUse]] = {}
    for row in sorted(report.images, key=lambda one: (one.cluster, one.registry, one.name)):
        by_registry.setdefault((row.cluster, row.registry), []).append(row)
    lines: list[str] = []
    for rows in by_registry.values():
        shown = [row for row in rows if row.faults or not only_faults]
        if shown:
            lines += [_heading(rows), *(line for row in shown for line in _image(row, waived, width)), ""]
    own = {(finding.host, finding.id) for row in report.images for finding in row.findings()}
    others = [finding for finding in report.findings if (finding.host, finding.id) not in own]
    lines += [line for finding in others for line in _finding(finding, width)]
    lines += [line for name, host in report.hosts.items() for text in host.unexamined for line in _error(name, text)]
    return "\n".join([*lines, *wrap(_sum(report), width)])


def _heading(rows: list[ImageInUse]) -> str:
    routes = {"own": "", "mirror": ", through its mirror", "direct": ""}
    route, cluster = routes[rows[0].route], f", cluster of {rows[0].cluster}" if rows[0].cluster else ""
    return f"{rows[0].registry}  {_many(len(rows), 'image')}{route}{cluster}"


def _image(row: ImageInUse, waived: dict[tuple[str, str], str], width: int) -> Iterator[str]:
    sign = "!" if row.faults else "?" if row.state in ("unexamined", "skipped") else " "
    name = f"  {sign} {row.name.removeprefix(f'{row.registry}/')}"
    if not row.faults:
        about = _about(row)
        one_line = f"{name}  {about}"
        yield from [one_line] if len(one_line) <= width else [name, *_wrapped(about, width)]
        return
    yield name
    yield from _wrapped(_used_by(row), width)
    for finding, fault in zip(row.findings(), row.faults, strict=True):
        said = waived.get((finding.host, finding.id), "")
        note = f" (waived: {said})" if said else ""
        yield from _wrapped(f"{fault.kind}: {fault.what}{note}", width)
        yield from _wrapped(f"mend: {fault.remedy}", width) if not note else ()


def _about(row: ImageInUse) -> str:
    """Return how much an image without a fault is used, and where."""
    pods = _many(row.pods, "pod") if row.pods else "no pod"
    state = f"; {STATES[row.state]}" if row.state in STATES else "; never pulled" if row.state == "local" else ""
    return f"{pods} in {_short(row.namespaces)}{state}"


def _used_by(row: ImageInUse) -> str:
    pods = f"{_many(row.pods, 'pod')} of " if row.pods else "named by "
    return f"{pods}{_short(row.users)}"


def _short(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def _finding(finding: Finding, width: int) -> Iterator[str]:
    if finding.waived:
        yield f"  - {finding.id}  waived: {finding.waived}"
        return
    sign = "?" if finding.state == "unexamined" else "!"
    yield f"  {sign} {finding.id}"
    yield from _wrapped(finding.what, width)
    yield from _wrapped(f"mend: {finding.remedy}", width) if finding.remedy else ()


def _error(name: str, text: str) -> list[str]:
    return [f"  ? {name}: not examined: {text}"]


def _wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of the width; words stay whole, so that names can be copied."""
    return wrap(
        text, width, initial_indent=DEEP, subsequent_indent=DEEP, break_long_words=False, break_on_hyphens=False
    )


def _sum(report: RunReport) -> str:
    rows = report.images
    faults = Counter(finding.id.partition(":")[0].removeprefix("image-") for finding in _counted(report))
    words = [f"{number} {kind.replace('-', ' ')}" for kind, number in sorted(faults.items())]
    words += [f"{number} {word}" for state, word in STATES.items() if state in ("unexamined", "skipped")
              if (number := sum(row.state == state for row in rows))]  # fmt: skip
    namespaces = {name for row in rows for name in row.namespaces}
    registries = {row.registry for row in rows}
    counts = f"{_many(len(rows), 'image')} of {_many(len(registries), 'registry', 'registries')}"
    used = f"in {_many(len(namespaces), 'namespace')}"
    return f"images: {counts}, {used}; {', '.join(words) or ('all well' if not report.failed else 'not examined')}"


def _counted(report: RunReport) -> Iterable[Finding]:
    return (one for one in open_findings(report) if one.state == "finding" and not one.waived)


def _many(number: int, word: str, words: str = "") -> str:
    return f"{number} {word if number == 1 else words or f'{word}s'}"
