"""The patterns with which rules of retention and immutability choose repositories and tags (doublestar)."""

import re
from collections.abc import Iterable, Mapping


def chooses(selectors: Iterable[Mapping[str, str]], name: str) -> bool:
    """Return whether all selectors choose ``name``; one whose decoration excludes chooses what it does not match."""
    return all(
        bool(pattern(one["pattern"]).fullmatch(name)) != one["decoration"].lower().endswith("excludes")
        for one in selectors
    )


def pattern(text: str) -> re.Pattern[str]:
    """Return a doublestar pattern as a regular expression: ** crosses slashes, * and ? do not, {a,b} is either."""
    parts = re.split(r"(\*\*/?|\*|\?|\{[^}]*\})", text)
    return re.compile("".join(_part(part) for part in parts))


def _part(part: str) -> str:
    words = {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    if part in words:
        return words[part]
    if part.startswith("{") and part.endswith("}"):
        either = "|".join(pattern(one).pattern for one in part[1:-1].split(","))
        return f"(?:{either})"
    return re.escape(part)
