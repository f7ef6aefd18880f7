"""Edits of files that nobody has read: those of a machine that is yet to boot.

What such a file holds is one of a few things: it is missing, it is what a package brings, or, where a host of the same
image was read, what it holds there. An edit that only adds its part at the end is made whatever the file holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from moor.errors import MoorError
from moor.resources.base import State, literal
from moor.resources.edit import Edit
from moor.resources.file import sha256

# Nothing of these is what any edit is about. The second is no YAML, TOML or JSON.
SAMPLES = ("", "# somebody else's\n", "127.0.0.1 localhost\n::1 ip6-localhost: {\n")
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
            HostError: the edit depends on what only the machine itself can tell
        """
        if block := added_at_end(edit):
            return _append(edit, block)
        if edit.id in self.like:
            content = _as_there(edit, self.like[edit.id], self.contents.get(edit.path))
            self.contents[edit.path] = [content]
            return edit.replacing(":", literal(content)) if content else ""
        known = self.contents.get(edit.path) or ["", *edit.shipped]
        made = {content: edit.edit(content, edit.assumes) for content in known if content or not edit.missing_stays}
        self.contents[edit.path] = list(made.values()) or [""]
        changed = {old: new for old, new in made.items() if old != new}
        return _choose(edit, changed) if changed else ""


def added_at_end(edit: Edit) -> str:
    """Return what an edit adds at the end of any file; empty if it depends on what the file holds."""
    try:
        results = [(sample, edit.edit(sample, edit.assumes)) for sample in SAMPLES]
    except (MoorError, ValueError):  # of a file in a form of its own
        return ""
    parts = {after[len(before) :] if after.startswith(before) else "" for before, after in results}
    return parts.pop() if len(parts) == 1 else ""


def content_hash(content: str) -> str:
    """Return the hash of a file's content without comments and empty lines."""
    lines = content.split("\n")
    kept = "".join(f"{line}\n" for line in lines if not COMMENT.fullmatch(line))
    return sha256(kept)


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
    wanted = edit.desired(seen)
    return str(wanted["content"]) if wanted else ""


def _choose(edit: Edit, changed: Mapping[str, str]) -> str:
    """Return sh that writes the content that belongs to what the file holds; it fails where that is not known."""
    cases = "".join(f"{content_hash(old)}) {literal(new)} ;;\n" for old, new in changed.items())
    known = "|".join(dict.fromkeys(map(content_hash, changed)))
    right = "|".join(dict.fromkeys(map(content_hash, changed.values())))
    before = f"""\
{HASH}
case $h in
{right}) exit 0 ;;
{known}) ;;
*) moor_fail '{UNKNOWN}' ;;
esac
moor_new() {{ case $h in
{cases}esac; }}"""
    return edit.replacing(before, "moor_new")
