"""Findings that concern a whole registry or kind of objects, and the images that are no names at all; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from moor.engine.findings import Finding
from moor.engine.images_in_use import ImageInUse
from moor.engine.plan import printable_line
from moor.errors import ErrorKind
from moor.tasks.images_in_use.usage import Use
from moor.tasks.images_in_use.words import listed, many, owners

UNEXAMINED = "images-unexamined"


def registry_findings(rows: Iterable[ImageInUse], *, mirrored: bool) -> Iterator[Finding]:
    """Yield a finding for each registry that could not be examined, and for each whose images come past the mirrors.

    Args:
        mirrored: the inventory has mirrors, so that nothing should come from elsewhere
    """
    by_registry: dict[str, list[ImageInUse]] = {}
    for row in rows:
        by_registry.setdefault(row.registry, []).append(row)
    for registry, known in sorted(by_registry.items()):
        yield from _not_examined(registry, [row for row in known if row.state == "unexamined"])
        direct = [row for row in known if row.route == "direct" and row.state != "local"]
        if mirrored and direct:
            what = f"{many(len(direct), 'image')} of {registry} {_come(direct)} past the mirrors: {_names(direct)}"
            mend = f"add {registry} to data.mirrors, then moor apply mirrors; or name images of the registry instead"
            yield Finding(f"image-past-mirrors:{registry}", what, mend)


def _not_examined(registry: str, rows: list[ImageInUse]) -> Iterator[Finding]:
    by_reason: dict[str, list[ImageInUse]] = {}
    for row in rows:
        by_reason.setdefault(row.why, []).append(row)
    if by_reason:
        words = "; ".join(f"{many(len(some), 'image')} ({_names(some)}): {why}" for why, some in by_reason.items())
        yield Finding(
            f"{UNEXAMINED}:{registry}",
            f"not examined: {words}",
            f"let this machine reach {registry}; or write it below data.images_in_use.skip, so that it is not asked",
            state="unexamined",
            error_kind=ErrorKind.UNREACHABLE,
        )


def _come(rows: list[ImageInUse]) -> str:
    return "comes" if len(rows) == 1 else "come"


def _names(rows: Iterable[ImageInUse]) -> str:
    return listed((row.name for row in rows), 4)


def unlisted_findings(unlisted: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding for each kind of workloads that may not be listed."""
    for kind, why in sorted(unlisted.items()):
        yield Finding(
            f"{UNEXAMINED}:{kind}",
            f"the images of objects of kind {kind} are not examined: {why}",
            "docs/rights.md has the rights that it needs",
            state="unexamined",
            error_kind=ErrorKind.PRIVILEGE,
        )


def name_findings(unusable: Mapping[str, tuple[str, set[Use]]]) -> Iterator[Finding]:
    """Yield a finding for each image whose name runtimes refuse."""
    for name, (why, uses) in sorted(unusable.items()):
        shown = printable_line(name) or "an empty name"
        yield Finding(f"image-name:{shown}", f"{shown} is no name of an image: {why}", f"correct it in {owners(uses)}")
