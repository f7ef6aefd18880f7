"""Robots that nobody has used, by an audit log as Harbor has it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moor.tasks.watched.robots import NewestEntries, unused_robots

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LONG = "2026-01-01T00:00:00.000Z"


class Log:
    """Answers from an audit log of entries, as Harbor filters and sorts them."""

    def __init__(self, *entries: tuple[str, int]) -> None:
        self.entries = [
            {"username": user, "op_time": (NOW - timedelta(days=days)).isoformat(), "operation": "pull"}
            for user, days in entries
        ]
        self.asked: list[NewestEntries] = []

    def to(self, question: NewestEntries) -> list[dict[str, Any]]:
        self.asked.append(question)
        if question.path != "/audit-logs":
            return []  # an older Harbor
        key, _, value = question.q.replace("%2B", "+").partition("=")
        found = [one for one in self.entries if not key or one[key] == value]
        found.sort(key=lambda one: one["op_time"], reverse=not question.oldest)
        return found[(question.page - 1) * question.size : question.page * question.size]

    def fetch(self, questions: Iterable[NewestEntries]) -> None:
        list(questions)


def robot(name: str, created: str = LONG, **more: Any) -> dict[str, Any]:
    return {"id": 1, "name": f"robot${name}", "creation_time": created, **more}


def unused(log: Log, *robots: dict[str, Any], days: int = 180) -> list[str]:
    return [one.id for one in unused_robots(list(robots), log, days, NOW)]  # type: ignore[arg-type]


OLDEST = ("admin", 300)


@pytest.mark.parametrize(
    ("log", "robots", "found"),
    [
        (Log(OLDEST, ("robot$shop+ci", 3)), [robot("shop+ci")], []),
        (Log(OLDEST, ("robot$shop+ci", 200)), [robot("shop+ci")], ["robot-unused:shop+ci"]),
        (Log(OLDEST), [robot("shop+ci")], ["robot-unused:shop+ci"]),
        (Log(OLDEST), [robot("shop+ci", disable=True)], []),
        (Log(OLDEST), [robot("shop+ci", "2026-11-01T00:00:00Z")], []),  # too new to be unused for so long
        (Log(("admin", 20)), [robot("shop+ci")], []),  # the log does not reach back so far
        (Log(), [robot("shop+ci")], []),
    ],
)
def test_a_robot_is_unused_when_the_log_reaches_back_and_does_not_have_it(
    log: Log, robots: list[dict[str, Any]], found: list[str]
) -> None:
    assert unused(log, *robots) == found


def test_the_day_of_the_last_use_is_told() -> None:
    (found,) = unused_robots([robot("shop+ci")], Log(OLDEST, ("robot$shop+ci", 200)), 180, NOW)  # type: ignore[arg-type]
    assert "since 2026-05-12" in found.what


def test_busy_robots_cost_no_request_of_their_own() -> None:
    names = [f"p{number}+ci" for number in range(90)]
    log = Log(OLDEST, *((f"robot${name}", 1) for name in names))
    assert unused(log, *(robot(name) for name in names)) == []
    assert len(log.asked) <= 6
