"""Colour, symbols and width of what is printed: on a terminal only, and after everything else has been decided.

Reports are plain text of one grammar: a line of two blanks, a sign, an id and hosts in brackets; below it, indented, a
diff or words; a last line ``COMMAND: what came of it``; tables. ``painted`` recognises these lines, so nobody who
writes a report has to think of colour, and text that is piped, tested or kept is the same without it. Since it comes
after control characters of hosts were escaped, no host can paint.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from textwrap import wrap
from typing import TextIO

BOLD, DIM, RED, GREEN, YELLOW, MAGENTA, CYAN = "1", "2", "31", "32", "33", "35", "36"
SIGNS = {"~": YELLOW, "!": RED, "?": MAGENTA, "-": DIM, "+": GREEN}
SYMBOLS = {"!": "✗", "-": "·", "ok": "✓ "}  # as wide as what they stand for, so that columns stay
CELLS = {
    **dict.fromkeys(("ok", "reached", "there", "clean", "ready"), GREEN),
    **dict.fromkeys(("FAULT", "not reached", "unfit", "missing", "denied", "failed"), RED),
    **dict.fromkeys(("?", "not examined", "unexamined"), MAGENTA),
    **dict.fromkeys(("drift", "changed"), YELLOW),
    "-": DIM,
}
ENTRY = re.compile(r"  ([~!?+-]) (.*?)((?:  \[.*?\])?)((?:  (?:since|waived: |held: ).*)?)")
OUTCOME = re.compile(r"(plan|apply|run|drift|verify|rollback|interrupted|mended|findings)(: ?)(.*)")
ADVICE = re.compile(r"(?:after|see|what) [a-z].*")  # a sentence below or above the outcome
MARK = "~ "  # before an outcome; others are as wide
BAD = re.compile(r"\b[1-9]\d*(?: of \d+ hosts?)? (?:failed|skipped)|interrupted|incomplete|nothing could be")
DIFFERENT = re.compile(r"\b[1-9]\d* (?:changes?|findings?)\b|no finding\b")
BLOCK = " " * 6  # what belongs to an entry is indented by as much
GLUE = "\0"  # for a blank at which no line is broken; printable text does not have it
NARROWEST = 40  # columns; below it, wrapping helps nobody


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal."""
    return hasattr(stream, "isatty") and stream.isatty()


def has_colour(stream: TextIO) -> bool:
    """Return whether to colour: on a terminal that can, unless NO_COLOR is set (no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in ("", "dumb")


def columns_of(stream: TextIO) -> int:
    """Return how wide a terminal is; 0, for no limit, where the stream is none."""
    if not is_terminal(stream):
        return 0
    try:
        return max(os.get_terminal_size(stream.fileno()).columns, 0)
    except (OSError, ValueError):  # closed, or no descriptor behind it
        return 0


def colour(code: str, words: str) -> str:
    """Return words in a colour or weight."""
    return f"\x1b[{code}m{words}\x1b[0m" if words else ""


def painted(text: str, stream: TextIO) -> str:
    """Return a report as ``stream`` should show it: coloured and wrapped on a terminal, unchanged elsewhere."""
    if not is_terminal(stream):
        return text
    lines = text.split("\n")
    columns = columns_of(stream)
    wrapped = [(part, line) for line in lines for part in _wrapped(line, columns)]
    if not has_colour(stream):
        return "\n".join(part for part, _ in wrapped)
    symbols = (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
    return "\n".join(_coloured(wrapped, symbols))


def painted_words(words: str, code: str, stream: TextIO) -> str:
    """Return words in a colour where ``stream`` shows colours, else unchanged."""
    return colour(code, words) if has_colour(stream) else words


def _wrapped(line: str, columns: int) -> list[str]:
    """Break an entry's first line or an outcome at blanks; diffs, commands and tables stay, as people copy them."""
    columns -= len(MARK) if OUTCOME.fullmatch(line) else 0
    if columns < NARROWEST or len(line) <= columns or not any(one.fullmatch(line) for one in (ENTRY, OUTCOME, ADVICE)):
        return [line]
    after = BLOCK + "  " if line.startswith("  ") else "  "
    glued = line[:4].replace(" ", GLUE) + line[4:]  # a sign never stands alone before a long word
    lines = wrap(glued, columns, subsequent_indent=after, break_long_words=False, break_on_hyphens=False)
    return [part.replace(GLUE, " ") for part in lines] or [line]


def _coloured(lines: list[tuple[str, str]], symbols: bool) -> Iterator[str]:
    """Yield the lines with colours; each comes with the line that it is a part of, or all of."""
    in_entry = False
    for line, whole in lines:
        if entry := ENTRY.fullmatch(line):
            in_entry = True
            yield _entry(*entry.groups(), symbols=symbols)
        elif in_entry and line.startswith(BLOCK):
            yield _below_entry(line)
        elif outcome := OUTCOME.fullmatch(line):
            in_entry = False
            command, colon, words = outcome.groups()
            yield _outcome(command, colon, words, _judged(whole), symbols=symbols)
        else:
            in_entry = in_entry and not line.strip()
            yield _cells(line, symbols)


def _entry(sign: str, what: str, hosts: str, since: str, *, symbols: bool) -> str:
    shown = SYMBOLS.get(sign, sign) if symbols else sign
    code = SIGNS[sign]
    named = what if code == DIM else colour(code, what)
    return f"  {colour(code, shown)} {named}{colour(CYAN, hosts)}{colour(DIM, since)}"


def _below_entry(line: str) -> str:
    words = line[len(BLOCK) :]
    if words.startswith(("+", "-")):
        return BLOCK + colour(GREEN if words[0] == "+" else RED, words)
    if words.startswith("@@"):
        return BLOCK + colour(DIM, words)
    head, found, rest = words.partition("mend: ")
    return f"{BLOCK}{found}{colour(BOLD, rest)}" if found and not head else line


def _judged(outcome: str) -> str:
    return RED if BAD.search(outcome) else YELLOW if DIFFERENT.search(outcome) else GREEN


def _outcome(command: str, colon: str, words: str, code: str, *, symbols: bool) -> str:
    if not words:
        return colour(BOLD, command + colon)
    mark = {RED: "✗ ", GREEN: "✓ ", YELLOW: MARK}[code] if symbols else ""
    head, semicolon, rest = words.partition(";")
    return f"{colour(code, mark)}{colour(BOLD, command)}{colon}{colour(code, head)}{semicolon}{rest}"


def _cells(line: str, symbols: bool) -> str:
    """Colour the cells of a table's row that are known words; they are parted by two blanks or more."""
    parts = re.split(r"( {2,})", line)
    if len(parts) < 3:
        return line
    return "".join(colour(CELLS[part], _symbol(part, symbols)) if part in CELLS else part for part in parts)


def _symbol(cell: str, symbols: bool) -> str:
    return SYMBOLS["ok"] if symbols and cell == "ok" else cell
