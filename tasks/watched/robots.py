"""Robots that nobody has used for long, by Harbor's audit log, since Harbor keeps no last use of a robot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.engine.findings import Finding
from moor.tasks.registry.answers import API, Answers, Question
from moor.tasks.watched.jobs import moment

LOGS = ("/audit-logs", "/auditlog-exts")  # the second since 2.13, which writes there alone
RECENT_PAGES = 5  # most robots that are in use are among so many pages of the newest entries
PAGE = 100
UNNEEDED = (
    "if nobody needs it, take it out of data.projects and delete it in Harbor; or raise data.watch.robot_unused_days"
)


class LogEntry(HarborObject):
    """An entry of the audit log."""

    username: str | None = None
    op_time: str | None = None


ENTRIES = Shape(list[LogEntry] | None)


@dataclass(frozen=True)
class NewestEntries:
    """The newest entries of an audit log, or the oldest; an older Harbor has no log by the second path.

    Attributes:
        q: Harbor's filter, with a plus sign quoted once.
    """

    path: str
    q: str = ""
    page: int = 1
    size: int = 1
    oldest: bool = False

    def ask(self, harbor: Harbor) -> list[dict[str, Any]]:
        """Ask for one page."""
        query = {"page": str(self.page), "page_size": str(self.size), "sort": "op_time" if self.oldest else "-op_time"}
        found = harbor.get(f"{API}{self.path}", ENTRIES, {**query, **({"q": self.q} if self.q else {})})
        return list(found or ())


def unused_robots(robots: list[dict[str, Any]], answers: Answers, days: int, now: datetime) -> Iterator[Finding]:
    """Yield a finding for each robot that is older than ``days`` and has done nothing since.

    Nothing is yielded where the log of pulls does not reach back so far.
    """
    limit = now - timedelta(days=days)
    old = [
        robot for robot in robots if not robot.get("disable") and (moment(robot.get("creation_time")) or now) < limit
    ]
    if not old or not _reaches_back(answers, limit):
        return
    used = _recent_users(answers, limit)
    doubtful = [robot for robot in old if robot["name"] not in used]
    questions = {robot["name"]: _last_uses(str(robot["name"])) for robot in doubtful}
    answers.fetch(question for several in questions.values() for question in several)
    for robot in doubtful:
        last = _newest(entry for question in questions[robot["name"]] for entry in answers.to(question))
        if last is None or last < limit:
            yield unused(robot, last, days)


def unused(robot: Mapping[str, Any], last: datetime | None, days: int) -> Finding:
    """Return the finding for an unused robot."""
    name = str(robot["name"])
    since = f"since {last.astimezone(UTC):%Y-%m-%d}" if last else f"for {days} days or longer"
    short = name.partition("$")[2] or name
    return Finding(f"robot-unused:{short}", f"nobody has used the robot {name} {since}", UNNEEDED)


def _reaches_back(answers: Answers, limit: datetime) -> bool:
    asked = [NewestEntries(path, "operation=pull", oldest=True) for path in LOGS]
    found = [moment(entry.get("op_time")) for question in asked for entry in answers.to(question)]
    return any(when <= limit for when in found if when)


def _recent_users(answers: Answers, limit: datetime) -> set[str]:
    """Return the users of the newest entries, as far as these are newer than the limit."""
    found: set[str] = set()
    for path in LOGS:
        for page in range(1, RECENT_PAGES + 1):
            entries = answers.to(NewestEntries(path, page=page, size=PAGE))
            times = [(str(entry.get("username")), moment(entry.get("op_time"))) for entry in entries]
            found |= {user for user, when in times if when and when >= limit}
            if len(entries) < PAGE:
                break
    return found


def _last_uses(name: str) -> list[Question]:
    # Harbor decodes the query twice, so the plus sign is quoted here once more than httpx does.
    quoted = name.replace("%", "%25").replace("+", "%2B")
    return [NewestEntries(path, f"username={quoted}") for path in LOGS]


def _newest(entries: Iterator[dict[str, Any]]) -> datetime | None:
    return max((when for entry in entries if (when := moment(entry.get("op_time")))), default=None)
