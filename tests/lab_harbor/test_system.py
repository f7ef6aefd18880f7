"""What the core of Harbor's stand-in does with settings, schedules, scanners, users and directories of users."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.harness.servers import free_port
from tests.lab_harbor.contract import HELLO, MANIFEST
from tests.lab_harbor.standin import ADMIN_PASSWORD, Served, find_registry, serve

ADMIN = ("admin", ADMIN_PASSWORD)
USER = {"username": "dev", "email": "dev@moor.test", "realname": "Dev", "password": "Some-Passw0rd"}


@contextmanager
def api_of(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{served.url}/api/v2.0", auth=ADMIN) as client:
        yield client


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    with serve(tmp_path) as served, api_of(served) as client:
        yield client


def value_of(api: httpx.Client, name: str) -> Any:
    return api.get("/configurations").json()[name]["value"]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["message"]


@contextmanager
def describing(path: str, body: dict[str, Any]) -> Iterator[str]:
    """Serve one JSON document; yield the server's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == path
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode() if found else b"")

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_auth_mode_is_fixed_once_a_user_exists(api: httpx.Client) -> None:
    assert api.put("/configurations", json={"auth_mode": "ldap_auth"}).status_code == 200
    assert api.get("/systeminfo").json()["auth_mode"] == "ldap_auth"
    assert refusal(api.post("/users", json=USER))[0] == 403  # users come from the directory
    api.put("/configurations", json={"auth_mode": "db_auth"})
    assert api.get("/configurations").json()["auth_mode"]["editable"]
    api.post("/users", json=USER)
    assert not api.get("/configurations").json()["auth_mode"]["editable"]
    status, words = refusal(api.put("/configurations", json={"auth_mode": "oidc_auth"}))
    assert (status, "new users have been inserted" in words) == (400, True)


def test_no_answer_has_the_passwords_of_a_directory(api: httpx.Client) -> None:
    secrets = {"ldap_search_password": "Bind-Passw0rd", "oidc_client_secret": "Client-Secret1"}
    assert api.put("/configurations", json=secrets).status_code == 200
    assert secrets.keys().isdisjoint(api.get("/configurations").json())
    assert "Passw0rd" not in api.get("/configurations").text


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"ldap_scope": 3}, "invalid scope"),
        ({"ldap_url": " "}, "can not be empty"),
        ({"session_timeout": 0}, "must be positive"),
        ({"token_expiration": 10_000_000_000}, "over the limit"),
        ({"storage_per_project": 0}, "quota value"),
        ({"skip_audit_log_database": True}, "forward endpoint should be configured"),
        ({"auth_mode": "magic"}, "invalid auth_mode"),
    ],
)
def test_a_value_that_harbor_refuses_is_refused(api: httpx.Client, wanted: dict[str, Any], words: str) -> None:
    before = api.get("/configurations").json()
    status, said = refusal(api.put("/configurations", json=wanted))
    assert (status, words in said) == (400, True)
    assert api.get("/configurations").json() == before


def test_an_audit_endpoint_that_does_not_answer_is_refused_and_stored_all_the_same(api: httpx.Client) -> None:
    endpoint = f"127.0.0.1:{free_port()}"
    assert refusal(api.put("/configurations", json={"audit_log_forward_endpoint": endpoint}))[0] == 400
    assert value_of(api, "audit_log_forward_endpoint") == endpoint


def test_a_setting_of_a_newer_release_is_ignored_by_an_older_one(tmp_path: Path, api: httpx.Client) -> None:
    assert api.put("/configurations", json={"banner_message": "{}"}).status_code == 200
    assert "banner_message" not in api.get("/configurations").json()
    with serve(tmp_path, version="v2.15.2-moor-standin") as served, api_of(served) as newer:
        assert newer.put("/configurations", json={"banner_message": "{}"}).status_code == 200
        assert value_of(newer, "banner_message") == newer.get("/systeminfo").json()["banner_message"] == "{}"


@pytest.mark.parametrize(("version", "status"), [("v2.8.3", 403), ("v2.10.0", 200)])
def test_a_robot_with_rights_of_both_levels_has_both_since_2_10(tmp_path: Path, version: str, status: int) -> None:
    grants = [
        {"kind": "project", "namespace": "*", "access": [{"resource": "project", "action": "read"}]},
        {"kind": "system", "namespace": "/", "access": [{"resource": "catalog", "action": "read"}]},
    ]
    with serve(tmp_path, version=version) as served, api_of(served) as api:
        api.post("/projects", json={"project_name": "demo", "metadata": {"public": "false"}})
        made = api.post("/robots", json={"name": "both", "level": "system", "permissions": grants}).json()
        assert api.get("/projects/demo", auth=(made["name"], made["secret"])).status_code == status


def test_scans_are_scheduled_only_where_there_is_a_scanner(api: httpx.Client) -> None:
    daily = {"schedule": {"type": "Daily", "cron": "0 0 0 * * *"}}
    assert api.post("/system/scanAll/schedule", json=daily).status_code == 412
    with describing("/api/v1/metadata", {"scanner": {"name": "Any"}}) as url:
        assert api.post("/scanners", json={"name": "any", "url": url}).status_code == 201
    assert api.get("/system/scanAll/schedule").content == b""
    assert api.post("/system/scanAll/schedule", json=daily).status_code == 201
    assert api.post("/system/scanAll/schedule", json=daily).status_code == 412  # unlike the other schedules
    assert api.put("/system/scanAll/schedule", json=daily).status_code == 200
    assert api.get("/system/scanAll/schedule").json()["schedule"]["cron"] == "0 0 0 * * *"
    assert api.put("/system/scanAll/schedule", json={"schedule": {"type": "None"}}).status_code == 200
    assert api.get("/system/scanAll/schedule").content == b""


def test_a_purge_needs_what_it_keeps_and_for_how_long(api: httpx.Client, tmp_path: Path) -> None:
    schedule = {"type": "Daily", "cron": "0 0 0 * * *"}
    sent = {"schedule": schedule, "parameters": {"audit_retention_hour": 24, "include_operations": "delete"}}
    assert api.post("/system/purgeaudit/schedule", json={"schedule": schedule}).status_code == 400
    assert api.post("/system/purgeaudit/schedule", json=sent).status_code == 201
    with serve(tmp_path, version="v2.13.0") as served, api_of(served) as newer:
        assert "include_event_types" in refusal(newer.post("/system/purgeaudit/schedule", json=sent))[1]


def test_the_first_scanner_is_the_default_until_another_is(api: httpx.Client) -> None:
    with describing("/api/v1/metadata", {"scanner": {"name": "Any"}}) as url:
        places = [api.post("/scanners", json={"name": n, "url": url}).headers["Location"] for n in ("one", "two")]
    second = places[1].removeprefix("/api/v2.0")
    assert [one["is_default"] for one in api.get("/scanners").json()] == [True, False]
    assert api.patch(second, json={"is_default": True}).status_code == 200
    assert [one["is_default"] for one in api.get("/scanners").json()] == [False, True]
    assert api.put(second, json={"name": "two", "url": url, "disabled": True}).status_code == 500
    assert api.delete(second).status_code == 200
    assert api.get(second).status_code == 404


def test_a_scanner_that_does_not_answer_is_not_taken(api: httpx.Client) -> None:
    wanted = {"name": "gone", "url": f"http://127.0.0.1:{free_port()}"}
    assert api.post("/scanners", json=wanted).status_code == 500
    assert api.get("/scanners").json() == []


def test_directories_of_users_are_tried(api: httpx.Client) -> None:
    path = "/.well-known/openid-configuration"
    tried = {"issuer": ""}
    with describing(path, tried) as url:
        tried["issuer"] = url
        assert api.post("/system/oidc/ping", json={"url": url, "verify_cert": True}).status_code == 200
        assert api.post("/ldap/ping", json={"ldap_url": url.replace("http", "ldap")}).json() == {"success": True}
    assert api.post("/system/oidc/ping", json={"url": url}).status_code == 400
    assert not api.post("/ldap/ping", json={"ldap_url": url.replace("http", "ldap")}).json()["success"]


def test_a_user_is_changed_and_made_administrator(api: httpx.Client) -> None:
    place = api.post("/users", json=USER).headers["Location"].removeprefix("/api/v2.0")
    assert api.put(place, json={"email": "new@moor.test", "realname": "New"}).status_code == 200
    assert api.put(f"{place}/sysadmin", json={"sysadmin_flag": True}).status_code == 200
    found = api.get(place).json()
    assert (found["email"], found["realname"], found["sysadmin_flag"]) == ("new@moor.test", "New", True)
    assert api.put(place, json={"email": "new@moor.test", "realname": "a,b"}).status_code == 400


@pytest.mark.parametrize("untagged", [False, True])
def test_garbage_collection_removes_what_no_image_needs(tmp_path: Path, untagged: bool) -> None:
    with serve(tmp_path, find_registry(tmp_path)) as served, api_of(served) as api:
        api.post("/projects", json={"project_name": "demo"})
        push(api, served, HELLO.digest if untagged else "1.0")
        if not untagged:
            assert api.delete(f"{served.url}/v2/demo/app/manifests/{HELLO.digest}").status_code == 202
            api.cookies.clear()  # with one, Harbor refuses writes
        parameters = {"delete_untagged": untagged}
        assert "0 blobs" in collect(api, {**parameters, "dry_run": True})
        assert stored(tmp_path) == 3
        assert "3 blobs" in collect(api, parameters)
        assert stored(tmp_path) == 0


def push(api: httpx.Client, served: Served, reference: str) -> None:
    for blob, digest in HELLO.blobs:
        begun = api.post(f"{served.url}/v2/demo/app/blobs/uploads/")
        assert api.put(f"{begun.headers['Location']}&digest={digest}", content=blob).status_code == 201
    kind = {"Content-Type": MANIFEST}
    made = api.put(f"{served.url}/v2/demo/app/manifests/{reference}", content=HELLO.manifest, headers=kind)
    assert made.status_code == 201
    api.cookies.clear()


def collect(api: httpx.Client, parameters: dict[str, bool]) -> str:
    """Collect garbage; return how much the log calls eligible for deletion."""
    wanted = {"schedule": {"type": "Manual"}, "parameters": parameters}
    place = api.post("/system/gc/schedule", json=wanted).headers["Location"].removeprefix("/api/v2.0")
    assert api.get("/system/gc").json()[0] == api.get(place).json()
    assert api.get(place).json()["job_status"] == "Success"
    log = api.get(f"{place}/log", headers={"Accept": "text/plain"}).text
    return next(line for line in log.splitlines() if "eligible for deletion" in line).partition("marked, ")[2]


def stored(directory: Path) -> int:
    """Return how many blobs the registry keeps."""
    return len(list((directory / "registry").glob("docker/registry/v2/blobs/sha256/*/*/data")))
