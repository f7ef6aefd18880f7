"""What an administrator looks at: the core's disk, queues of jobs, and the audit log of pulls and pushes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.lab_harbor.contract import HELLO, MANIFEST
from tests.lab_harbor.standin import ADMIN_PASSWORD, Served, find_registry, serve

ADMIN = ("admin", ADMIN_PASSWORD)
API = "/api/v2.0"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path, find_registry(tmp_path)) as served:
        yield served


@pytest.fixture
def api(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, auth=ADMIN) as client:
        yield client


def test_the_disk_is_that_of_the_data(api: httpx.Client, tmp_path: Path) -> None:
    (disk,) = api.get(f"{API}/systeminfo/volumes").json()["storage"]
    space = os.statvfs(tmp_path)
    assert disk["total"] == space.f_blocks * space.f_frsize
    assert disk["free"] == pytest.approx(space.f_bavail * space.f_frsize, rel=0.05, abs=1 << 28)


def test_a_queue_is_paused_until_it_is_resumed(api: httpx.Client) -> None:
    def paused() -> list[str]:
        return [one["job_type"] for one in api.get(f"{API}/jobservice/queues").json() if one["paused"]]

    place = f"{API}/jobservice/queues/REPLICATION"
    for action in ("pause", "pause"):
        assert api.put(place, json={"action": action}).status_code == 200
    assert paused() == ["REPLICATION"]
    assert api.put(place, json={"action": "resume"}).status_code == 200
    assert paused() == []
    assert api.put(place, json={"action": "hold"}).status_code == 422
    assert api.put(f"{API}/jobservice/queues/NONE", json={"action": "pause"}).status_code == 404


def test_the_audit_log_has_who_pulled_and_pushed(api: httpx.Client, served: Served) -> None:
    assert api.post(f"{API}/projects", json={"project_name": "demo"}).status_code == 201
    access = [{"resource": "repository", "action": action} for action in ("pull", "push")]
    grant = {"kind": "project", "namespace": "demo", "access": access}
    made = api.post(
        f"{API}/robots", json={"name": "ci", "level": "project", "duration": -1, "permissions": [grant]}
    ).json()
    login = (made["name"], made["secret"])
    for blob, digest in HELLO.blobs:
        begun = api.post("/v2/demo/app/blobs/uploads/", auth=login)
        assert api.put(f"{begun.headers['Location']}&digest={digest}", content=blob, auth=login).status_code == 201
    place, kind = "/v2/demo/app/manifests/1", {"Content-Type": MANIFEST}
    assert api.put(place, content=HELLO.manifest, headers=kind, auth=login).status_code == 201
    assert api.get(place, headers={"Accept": MANIFEST}).status_code == 200

    newest = api.get(f"{API}/audit-logs").json()
    assert [(one["username"], one["operation"], one["resource"]) for one in newest] == [
        ("admin", "pull", "demo/app:1"),
        ("robot$demo+ci", "create", "demo/app:1"),
    ]
    own = api.get(f"{API}/audit-logs", params={"q": "username=robot$demo%2Bci", "page_size": "1"})
    assert [one["operation"] for one in own.json()] == ["create"]
    oldest = api.get(f"{API}/audit-logs", params={"sort": "op_time", "page_size": "1"}).json()
    assert oldest == newest[-1:]
    assert httpx.get(f"{served.url}{API}/audit-logs").status_code == 401
