"""The stand-in for Harbor answers as a real Harbor 2.8.3 did, exchange by exchange."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.lab_harbor.contract import BEFORE_NGINX, NEEDS_A_FAULT, NOT_LIKE_HARBOR, Outcome, parallel, recorded, replay
from tests.lab_harbor.replay import Exchange, Replayer
from tests.lab_harbor.standin import ADMIN_PASSWORD, Served, find_registry, run_open_registry, serve


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("harbor")
    with serve(directory, find_registry(directory)) as served:
        yield served


@pytest.fixture(scope="module")
def upstream(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield a registry without a login that holds what the one behind the core does, as the recorded Harbor had."""
    directory = Path(served.core.ca or "").parent
    with run_open_registry(find_registry(directory), directory) as url:
        yield url


@pytest.fixture(scope="module")
def outcome(served: Served, upstream: str) -> Outcome:
    def before(exchange: Exchange) -> bool:
        if exchange.label == "v2-robot-expired":
            expire(served, 5)
        return exchange.label not in NEEDS_A_FAULT | BEFORE_NGINX

    with httpx.Client(base_url=served.url, timeout=20) as client:
        return replay(Replayer(client, served.host, {"admin": ADMIN_PASSWORD}), before, upstream)


def expire(served: Served, number: int) -> None:
    robot = served.core.store.get("robot", number)
    assert robot is not None
    robot.body["expires_at"] = 1000000000
    served.core.store.put(robot)


def test_every_supported_exchange_is_answered_as_harbor_answered_it(outcome: Outcome) -> None:
    assert outcome.surprises == ""
    assert len(outcome.same) == 543


def test_every_known_difference_is_still_one(outcome: Outcome) -> None:
    assert set(NOT_LIKE_HARBOR) == set(outcome.different)


def test_what_is_not_served_says_so(outcome: Outcome, served: Served) -> None:
    assert len(outcome.absent) == 32
    answer = httpx.get(f"{served.url}/api/v2.0/p2p/preheat")
    assert answer.status_code == 501
    assert "stand-in" in answer.json()["errors"][0]["message"]


def test_callers_wait_where_harbor_makes_them_wait(outcome: Outcome, served: Served) -> None:
    slow = [one for one in recorded() if one.slow and one.label not in NOT_LIKE_HARBOR and not parallel(one)]
    assert served.waited[: len(slow)] == [1.5] * len(slow)
