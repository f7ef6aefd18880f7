"""What the core of Harbor's stand-in does beside the recorded exchanges."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from moor_lab.harbor.core.clock import seconds
from moor_lab.harbor.core.login import check
from moor_lab.harbor.core.passwords import Lock, make_secret, strong
from moor_lab.harbor.core.quotas import human
from moor_lab.harbor.core.store import Conflict, in_memory
from tests.harness.waiting import until
from tests.lab_harbor.standin import ADMIN_PASSWORD, Served, serve

ADMIN = ("admin", ADMIN_PASSWORD)
PULL = [{"kind": "project", "namespace": "demo", "access": [{"resource": "repository", "action": "pull"}]}]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path) as served:
        yield served


@pytest.fixture
def api(served: Served) -> Iterator[httpx.Client]:
    """Yield a client that sends no cookie (they are for HTTPS alone), with a private project ``demo``."""
    with httpx.Client(base_url=served.url, auth=ADMIN) as client:
        made = client.post("/api/v2.0/projects", json={"project_name": "demo", "metadata": {"public": "false"}})
        assert made.status_code == 201
        yield client


def robot(api: httpx.Client, **changes: object) -> dict[str, Any]:
    body = {"name": "puller", "level": "project", "duration": -1, "permissions": PULL} | changes
    made = api.post("/api/v2.0/robots", json=body)
    assert made.status_code == 201
    return dict(made.json())


@pytest.mark.parametrize(("asked", "days"), [({"duration": 0}, 30), ({"duration": 7}, 7)])
def test_a_robot_expires_days_after_it_was_made(api: httpx.Client, asked: dict[str, int], days: int) -> None:
    made = robot(api, **asked)
    assert made["expires_at"] - seconds(made["creation_time"]) == days * 86400


def test_a_robot_logs_in_with_the_secret_of_its_creation_alone(api: httpx.Client, served: Served) -> None:
    made = robot(api, secret="Own-Secret1")
    assert httpx.get(f"{served.url}/v2/", auth=(made["name"], made["secret"])).status_code == 200
    assert httpx.get(f"{served.url}/v2/", auth=(made["name"], "Own-Secret1")).status_code == 401


def test_without_the_secret_key_of_the_data_volume_no_robot_logs_in(api: httpx.Client, served: Served) -> None:
    made = robot(api)
    assert check(served.core, made["name"], made["secret"]).robot is not None
    assert check(replace(served.core, pepper="another"), made["name"], made["secret"]).robot is None


def test_a_token_names_what_its_bearer_may_do_and_no_more(api: httpx.Client, served: Served) -> None:
    made = robot(api)
    scope = {"service": "harbor-registry", "scope": "repository:demo/app:pull,push"}
    auths = {"right": (made["name"], made["secret"]), "wrong": (made["name"], "Wrong-Passw0rd")}
    actions = {}
    for name, auth in auths.items():
        answer = httpx.get(f"{served.url}/service/token", params=scope, auth=auth)
        assert answer.status_code == 200
        claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
        actions[name] = claims["access"][0]["actions"]
    assert actions == {"right": ["pull"], "wrong": []}


def test_wrong_credentials_show_where_no_scope_is_asked_for(api: httpx.Client, served: Served) -> None:
    made = robot(api)
    url = f"{served.url}/service/token?service=harbor-registry"
    assert httpx.get(url, auth=(made["name"], made["secret"])).status_code == 200
    assert httpx.get(url, auth=(made["name"], "Wrong-Passw0rd")).status_code == 401


def test_a_sick_component_is_named_in_an_answer_of_200(served: Served) -> None:
    def refuse() -> None:
        raise OSError("connection refused")

    served.core.components = {"core": lambda: None, "jobservice": refuse}
    answer = httpx.get(f"{served.url}/api/v2.0/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "unhealthy",
        "components": [
            {"name": "core", "status": "healthy"},
            {"name": "jobservice", "status": "unhealthy", "error": "failed to check health: connection refused"},
        ],
    }


def test_v2_answers_502_and_nothing_while_the_registry_is_down(api: httpx.Client) -> None:
    answer = api.post("/v2/demo/app/blobs/uploads/")
    assert (answer.status_code, answer.content) == (502, b"")


def test_a_client_that_keeps_cookies_may_not_write(served: Served) -> None:
    with httpx.Client(base_url=served.url, auth=ADMIN) as client:
        first = client.get("/api/v2.0/users/current")
        cookie = {"Cookie": f"sid={first.cookies['sid']}"}
        refused = client.post("/api/v2.0/projects", json={"project_name": "demo"}, headers=cookie)
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["message"] == "CSRF token invalid"


def test_every_answer_names_the_stand_in(served: Served) -> None:
    assert "stands in" in httpx.get(f"{served.url}/api/v2.0/ping").headers["X-Moor-Stand-In"]
    assert httpx.get(f"{served.url}/api/v2.0/systeminfo").json()["harbor_version"] == "v2.8.3-moor-standin"


def test_a_name_that_failed_to_log_in_is_locked_while_its_caller_waits() -> None:
    over = threading.Event()
    lock = Lock(lambda _: over.wait(60))
    punished = threading.Thread(target=lock.punish, args=("dev",))
    punished.start()
    until(lambda: lock.held("dev"))
    assert not lock.held("other")
    over.set()
    punished.join()
    assert not lock.held("dev")


def test_of_several_that_add_one_name_one_wins() -> None:
    store = in_memory()
    won = []

    def add() -> None:
        try:
            won.append(store.add("project", "race", {}))
        except Conflict:
            return

    threads = [threading.Thread(target=add) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    store.close()


@pytest.mark.parametrize(("size", "words"), [(867, "867.0 B"), (6144, "6.0 KiB"), (1 << 30, "1.0 GiB")])
def test_sizes_are_told_in_the_largest_unit_that_fits(size: int, words: str) -> None:
    assert human(size) == words


def test_a_made_secret_is_strong() -> None:
    assert all(strong(make_secret()) for _ in range(50))
