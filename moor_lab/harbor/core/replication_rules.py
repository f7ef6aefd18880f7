"""What a replication policy chooses, what it is called at the destination, and when it is due."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moor_lab.harbor.core.selectors import pattern


def chooses(policy: Mapping[str, Any], repository: str, reference: str = "") -> bool:
    """Return whether a policy's filters choose a repository, and a tag of it."""
    for one in policy["filters"]:
        value, excluded = str(one.get("value", "")), one.get("decoration") == "excludes"
        subject = {"name": repository, "tag": reference}.get(one["type"], "")
        if subject and value and bool(pattern(value).fullmatch(subject)) == excluded:
            return False
    return True


def renamed(policy: Mapping[str, Any], repository: str) -> str:
    """Return a repository's name at the destination."""
    namespace, count = policy["dest_namespace"], policy["dest_namespace_replace_count"]
    if not namespace:
        return repository
    parts = repository.split("/")
    kept = parts[-1:] if count < 0 else parts[count:]
    return "/".join([namespace, *kept])


def is_due(cron: str, moment: datetime) -> bool:
    """Return whether a schedule of six fields names the minute of ``moment``; its seconds are always 0."""
    _, *fields = cron.split()
    parts = (moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday() % 7)
    return all(_names(text, value) for text, value in zip(fields, parts, strict=True))


def _names(text: str, value: int) -> bool:
    return any(_names_one(one, value) for one in text.split(","))


def _names_one(text: str, value: int) -> bool:
    span, _, step = text.partition("/")
    first, _, last = span.partition("-")
    if span in ("*", "?"):
        return value % int(step or 1) == 0
    low = int(first)
    high = int(last) if last else (value if step else low)
    return low <= value <= high and (value - low) % int(step or 1) == 0
