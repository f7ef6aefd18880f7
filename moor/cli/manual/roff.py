"""Manual pages in the macros of man(7), which man-db and mandoc read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date

from moor.cli.manual.tree import Described, Word

EXIT_CODES = (
    ("0", "nothing to do, done, or all is well"),
    ("1", "an error, or a host was not reached, failed or was left out"),
    ("2", "a plan has changes; a check found drift or a fault"),
    ("130", "interrupted by Ctrl-C, SIGTERM or a closed terminal"),
)
FILES = (
    ("config.yaml", "makes a directory a site; --site names one that is not the working directory"),
    ("inventory/", "the hosts, groups and defaults of the fleet"),
    (".moor/", "what moor keeps of a site: history, certificates, reports"),
)
ENVIRONMENT = (
    ("NO_COLOR", "if it is not empty, nothing is coloured"),
    ("TERM", "dumb: neither colours nor a line of progress that is drawn anew"),
)


def pages(root: Described, version: str) -> dict[str, str]:
    """Return all pages by file name: moor.1, and one for each command, such as moor-cert-renew.1."""
    return {f"{page_name(one)}.1": page(one, root, version) for one in root.everything()}


def page_name(one: Described) -> str:
    """Return what a command's page is called, such as ``moor-plan``."""
    return one.path.replace(" ", "-")


def page(one: Described, root: Described, version: str) -> str:
    """Return one page."""
    return "\n".join(_lines(one, root, version)) + "\n"


def _lines(one: Described, root: Described, version: str) -> Iterator[str]:
    yield f'.TH {_text(page_name(one).upper())} 1 {date.today()} "moor {_text(version)}" "moor"'
    yield from (".SH NAME", f"{_text(page_name(one))} \\- {_text(_lowered(one.line))}")
    yield from (".SH SYNOPSIS", *_synopsis(one))
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(one.about or ("",)):
        yield from (([] if number == 0 else [".PP"]) + [_text(paragraph)])
    yield from _section("ARGUMENTS", ((word.spellings[0], word.about) for word in one.arguments))
    yield from _section("OPTIONS", ((_typed(word), word.about) for word in one.options))
    yield from _section("COMMANDS", ((below.name, below.line) for below in one.below))
    yield from _section("EXIT STATUS", EXIT_CODES)
    if one is root:
        yield from (*_section("FILES", FILES), *_section("ENVIRONMENT", ENVIRONMENT))
    yield from (".SH SEE ALSO", *_related(one, root))


def _lowered(line: str) -> str:
    return (line[:1].lower() + line[1:]).rstrip(".")


def _synopsis(one: Described) -> Iterator[str]:
    words = [f"\\fB{_text(one.path)}\\fR"]
    words += ["[\\fIoptions\\fR]"] if one.options else []
    words += [f"[\\fI{_text(word.spellings[0])}\\fR]" + ("..." if word.is_many else "") for word in one.arguments]
    if one.runs:
        yield " ".join(words)
    if one.below:
        yield from ([".br"] if one.runs else [])
        yield f"\\fB{_text(one.path)}\\fR \\fIcommand\\fR [\\fIoptions\\fR]"


def _typed(word: Word) -> str:
    return ", ".join(word.spellings) + (f" {word.value}" if word.value else "")


def _section(heading: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    found = list(rows)
    if found:
        yield f".SH {heading}"
    for words, about in found:
        yield from (".TP", f"\\fB{_text(words)}\\fR", _text(about) or "\\&")


def _related(one: Described, root: Described) -> Iterator[str]:
    near = {other.path: other for other in root.everything() if _is_near(one, other)}
    names = [page_name(other) for other in near.values()]
    for number, name in enumerate(names):
        yield f".BR {_text(name)} (1)" + (" ," if number < len(names) - 1 else "")


def _is_near(one: Described, other: Described) -> bool:
    """Return whether a page points at another: what is above it, and what is directly below."""
    above = one.path.startswith(f"{other.path} ")
    below = other.path.startswith(f"{one.path} ") and " " not in other.path[len(one.path) + 1 :]
    return above or below


def _text(words: str) -> str:
    """Return words as roff shows them: hyphens that can be copied, no line that begins like a request."""
    shown = re.sub(r"[\\]", r"\\e", words).replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    shown = shown.replace("'", "\\(aq").replace("`", "\\(ga").replace('"', "\\(dq")
    return f"\\&{shown}" if shown.startswith(".") else shown
