"""A robot's days, which Harbor counts from its creation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from moor.engine.plan import plan
from moor.tasks.registry.project.settings import Projects, Robot
from moor.tasks.registry.robot_secret import RobotSecret
from moor.tasks.registry.robots import IN_FORCE, RobotResource, validity, would_be_in_force

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def robot(days: int) -> RobotResource:
    return RobotResource("demo", "puller", ("pull",), days, RobotSecret(Path("/nowhere")))


def state(**changes: str) -> dict[str, str]:
    began = f"{datetime.now(UTC) - timedelta(days=100):%Y-%m-%dT%H:%M:%S.000Z}"
    fields = {"access": "pull", "duration": "for ever", "enabled": "yes", "validity": IN_FORCE, "login": "accepted"}
    return {**fields, "created": began, **changes}


def told(days: int, **changes: str) -> str:
    return "\n".join(change.diff for change in plan([robot(days)], {robot(days).id: state(**changes)}))


def test_zero_days_are_refused_since_harbor_makes_them_thirty() -> None:
    with pytest.raises(ValidationError, match="0 is 30 days to Harbor; write -1 for a robot that never expires"):
        Robot(duration_days=0)
    assert [Robot(duration_days=days).duration_days for days in (-1, 1)] == [-1, 1]


@pytest.mark.parametrize("name", ["Shop", "shop/web", "-shop", "shop..web"])
def test_a_projects_name_is_one_that_harbor_takes(name: str) -> None:
    assert list(Projects.model_validate({"shop-1.web": {}}).by_name) == ["shop-1.web"]
    with pytest.raises(ValidationError, match="should match pattern"):
        Projects.model_validate({name: {}})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"expires_at": -1}, IN_FORCE),
        ({}, IN_FORCE),
        ({"expires_at": int(NOW.timestamp()) + 1}, IN_FORCE),
        ({"expires_at": int(NOW.timestamp())}, "expired on 2026-06-01 00:00 UTC"),
    ],
)
def test_a_robot_is_in_force_until_its_last_second(found: dict[str, Any], said: str) -> None:
    assert validity(found, NOW) == said


@pytest.mark.parametrize(
    ("created", "days", "lasts"),
    [
        ("2026-05-30T00:00:00.000Z", 30, True),
        ("2026-05-02T00:00:00.000Z", 30, False),
        ("2020-01-01T00:00:00.000Z", -1, True),
        ("not a time", 30, False),
    ],
)
def test_days_count_from_the_creation(created: str, days: int, lasts: bool) -> None:
    assert would_be_in_force(created, days, NOW) == lasts


def test_a_plan_shows_what_happens_to_an_expired_robot() -> None:
    ended = {"validity": "expired on 2026-01-01 00:00 UTC", "login": "refused", "duration": "30 days"}
    said = told(30, **ended)
    assert "validity: expired on 2026-01-01 00:00 UTC -> in force (made anew, since its days count from its" in said
    assert "login: refused -> accepted" in said
    assert "-> in force (extended)" in told(365, **ended)
    assert "-> in force (extended)" in told(-1, **ended)


def test_a_robot_whose_days_are_over_is_made_again_and_others_stay() -> None:
    assert told(-1) == ""
    assert told(365) == "duration: for ever -> 365 days"
    assert "validity: in force -> in force (made anew" in told(30)
