"""Edits of a hosts file that add or remove moor's block; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from moor.tasks.names import Address, Addresses

BEGIN, END = "# BEGIN moor", "# END moor"
NOTE = "# What stands between these lines is written by moor; change the inventory instead."
SPACE = r"[ \t\v\f\r]"  # separates words in hosts(5); other spaces of Unicode do not
ENTRY = re.compile(rf"(?P<head>{SPACE}*(?P<address>[^\s#]+))(?P<names>[^#\n]*)(?P<comment>#[^\n]*)?(?P<end>\n?)")


def with_block(content: str, names: Mapping[str, Addresses]) -> str:
    """Return a hosts file with moor's block, in its present place or at the end.

    In other lines, remove only names with another address, since the first line that has a name wins.
    """
    above, below = _around(content, names)
    gap = "\n" if above and not above.endswith("\n") else ""
    return f"{above}{gap}{''.join(_block(names))}{below}"


def without_block(content: str, names: Mapping[str, Addresses]) -> str:
    """Return a hosts file without moor's block and without entries that give one of ``names`` another address."""
    return "".join(_around(content, names))


def _around(content: str, names: Mapping[str, Addresses]) -> tuple[str, str]:
    """Return the text above and below the place of the block, without entries that contradict it."""
    lines, at = _outside(re.findall(r"[^\n]*\n|[^\n]+", content))
    return "".join(_pruned(line, names) for line in lines[:at]), "".join(_pruned(line, names) for line in lines[at:])


def _outside(lines: list[str]) -> tuple[list[str], int]:
    """Return the lines outside all blocks, and how many of them are above the first block.

    A block without an end marker is only its first line, since the lines after it may be other people's.
    """
    words = [line.strip(" \t\v\f\r\n") for line in lines]
    kept: list[str] = []
    place, number = -1, 0
    while number < len(lines):
        if words[number] in (BEGIN, END):
            place = len(kept) if place < 0 else place
            number = _last(words, number)
        else:
            kept.append(lines[number])
        number += 1
    return kept, place if place >= 0 else len(kept)


def _last(words: list[str], first: int) -> int:
    """Return the index of a block's last line; ``first`` itself if the block has no end marker."""
    following = (number for number in range(first + 1, len(words)) if words[number] in (BEGIN, END))
    end = next(following, first)
    return end if words[first] == BEGIN and words[end] == END else first


def _pruned(line: str, names: Mapping[str, Addresses]) -> str:
    """Return a line without those of ``names`` that it gives another address; empty if no name is left."""
    entry = ENTRY.fullmatch(line)
    address = _address(entry["address"]) if entry else None
    if not entry or address is None:
        return line
    words = [word for word in re.split(SPACE, entry["names"]) if word]
    conflicting = {word for word in words if address not in names.get(word.lower(), (address,))}
    if not conflicting:
        return line
    comment = entry["comment"] or ""
    if conflicting == set(words):
        return comment + entry["end"] if comment else ""
    pattern = rf"{SPACE}+(?:{'|'.join(map(re.escape, sorted(conflicting)))})(?={SPACE}|$)"
    return entry["head"] + re.sub(pattern, "", entry["names"]) + comment + entry["end"]


def _address(word: str) -> Address | None:
    try:
        return ip_address(word)
    except ValueError:
        return None


def _block(names: Mapping[str, Addresses]) -> Iterator[str]:
    yield f"{BEGIN}\n{NOTE}\n"
    for address in dict.fromkeys(address for its in names.values() for address in its):
        yield f"{address} {' '.join(name for name, its in names.items() if address in its)}\n"
    yield f"{END}\n"
