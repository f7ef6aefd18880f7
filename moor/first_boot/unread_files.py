"""Edits of files that nobody has read: those of a machine that is yet to boot.

What such a file holds is one of a few things: it is missing, it is what a package brings, or, where a host of the same
image was read, what it holds there. An edit that only adds its part at the end is made whatever the file holds. What an
edit asks its host is asked at the first boot, where an answer is needed and may be one of two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from shlex import quote

from moor.errors import MoorError
from moor.resources.base import State, literal
from moor.resources.edit import Edit
from moor.resources.file import sha256

# An edit that adds the same at the end of all of these depends on none of what files hold: others' comments and names,
# which are no YAML, TOML or JSON; and what edits take out or refuse where they find it.
SAMPLES = (
    "",
    "# somebody else's\n",
    "127.0.0.1 localhost\n::1 ip6-localhost: {\n",
    "[main]\nproxy=http://other\nhttp_proxy=http://other\npool 2.debian.pool.ntp.org iburst\nserver ntp.ubuntu.com\n",
)
THERE = "there"  # what an edit's ``asks`` prints by convention where its program or file is there
COMMENT = re.compile(r"[ \t\v\f\r]*(#.*)?")
# Prints the hash of a file without comments and empty lines, as ``content_hash`` returns it.
HASH = """\
h=$(grep -v -e '^[[:space:]]*#' -e '^[[:space:]]*$' "$p" 2>/dev/null | sha256sum); h=${h%% *}"""
UNKNOWN = (
    "it holds something that moor has not seen, and stays as it is; run moor apply on this host, or name a host of the "
    "same image by --like when you make its first-boot configuration"
)


@dataclass
class UnreadFiles:
    """The files of a machine that is yet to boot, as far as edits have to know them.

    Attributes:
        like: by id of an edit, what was read of the same file on a host of the same image.
        contents: by path, what the file may hold after the edits so far.
    """

    like: Mapping[str, State | None] = field(default_factory=dict)
    contents: dict[str, list[str]] = field(default_factory=dict)

    def edit(self, edit: Edit) -> str:
        """Return sh that makes an edit at the first boot; empty if there is nothing to do.

        Raises:
            MoorError: the edit depends on what only the machine itself can tell
        """
        if edit.id in self.like and not any(added_at_end(edit, facts) for facts in possible_facts(edit)):
            content = _as_there(edit, self.like[edit.id], self.contents.get(edit.path))
            self.contents[edit.path] = [content]
            return edit.replacing(":", literal(content)) if content else ""
        known = self.contents.get(edit.path) or ["", *edit.shipped]
        after = list[str]()
        fragments, refused = dict[str, str](), list[MoorError]()
        for facts in possible_facts(edit):
            try:
                fragments[facts] = _fragment(edit, facts, known, after)
            except MoorError as error:
                fragments[facts] = f"moor_fail {quote(str(error))}"
                refused.append(error)
        if len(refused) == len(fragments):
            raise refused[0]
        self.contents[edit.path] = list(dict.fromkeys(after)) or known
        return _asked(edit, fragments) if any(fragments.values()) else ""


def possible_facts(edit: Edit) -> tuple[str, ...]:
    """Return the answers that an edit may get from a machine that cannot be asked yet."""
    if edit.assumes or edit.asks == ":":
        return (edit.assumes,)
    return "", THERE


def added_at_end(edit: Edit, facts: str) -> str:
    """Return what an edit adds at the end of any file; empty if it depends on what the file holds."""
    try:
        results = [(sample, edit.edit(sample, facts)) for sample in SAMPLES]
    except (MoorError, ValueError):  # of a file in a form of its own
        return ""
    parts = {after[len(before) :] if after.startswith(before) else "" for before, after in results}
    return parts.pop() if len(parts) == 1 else ""


def content_hash(content: str) -> str:
    """Return the hash of a file's content without comments and empty lines."""
    return sha256("".join(f"{line}\n" for line in content.split("\n") if not COMMENT.fullmatch(line)))


def _fragment(edit: Edit, facts: str, known: list[str], after: list[str]) -> str:
    """Return sh that makes an edit on a machine that gives this answer; ``after`` gets what files may hold then."""
    made = {content: edit.edit(content, facts) for content in known if content or not edit.missing_stays}
    after += made.values()
    if block := added_at_end(edit, facts):
        return _append(edit, block)
    changed = {old: new for old, new in made.items() if old != new}
    return _choose(edit, made) if changed else ""


def _asked(edit: Edit, by_facts: Mapping[str, str]) -> str:
    """Return sh that asks the machine, where there is more than one answer, and makes the edit for what it gives."""
    if len(by_facts) == 1:
        return next(iter(by_facts.values()))
    cases = "".join(f"{quote(facts)}) (\n{fragment or ':'}\n); exit ;;\n" for facts, fragment in by_facts.items())
    return f"f=$( {edit.asks} ) || f=\ncase $f in\n{cases}*) moor_fail {quote(UNKNOWN)} ;;\nesac"


def _append(edit: Edit, block: str) -> str:
    """Return sh that adds a part at the end of a file, unless it stands there."""
    size = len(block.encode("utf-8", "surrogateescape"))
    missing = "exit 0" if edit.missing_stays else ":"
    before = f"""\
[ -e "$p" ] || {missing}
h=$(tail -c {size} "$p" 2>/dev/null | sha256sum); [ "${{h%% *}}" != {sha256(block)} ] || exit 0"""
    whole = '{ [ ! -s "$p" ] || { cat "$p" && { [ -z "$(tail -c 1 "$p")" ] || echo; }; } } && ' + literal(block)
    return edit.replacing(before, f"{{ {whole}; }}")


def _as_there(edit: Edit, actual: State | None, before: list[str] | None) -> str:
    """Return what the file should hold on the host that was read; ``before`` is what an earlier edit made of it."""
    seen = {**(actual or {"facts": "", "exists": ""})}
    seen["content"] = before[0] if before else str(seen.get("content", ""))
    if not seen["exists"] and edit.missing_stays:
        return ""
    return edit.edit(str(seen["content"]), str(seen["facts"]))


def _choose(edit: Edit, made: Mapping[str, str]) -> str:
    """Return sh that writes the content that belongs to what the file holds; it fails where that is not known."""
    changed = {old: new for old, new in made.items() if old != new}
    cases = "".join(f"{content_hash(old)}) {literal(new)} ;;\n" for old, new in changed.items())
    known = "|".join(dict.fromkeys(map(content_hash, changed)))
    right = "|".join(dict.fromkeys(map(content_hash, made.values())))
    before = f"""\
{HASH}
case $h in
{right}) exit 0 ;;
{known}) ;;
*) moor_fail {quote(UNKNOWN)} ;;
esac
moor_new() {{ case $h in
{cases}esac; }}"""
    return edit.replacing(before, "moor_new")
