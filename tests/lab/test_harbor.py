"""An installed Harbor: what counts at its first start only, what a plan refuses, and a dockerd that crashes."""

from __future__ import annotations

import json

import pytest

from tests.harness.waiting import eventually
from tests.lab.conftest import Moored
from tests.lab.diagnosing import administrator
from tests.lab.writing import run, written

pytestmark = pytest.mark.lab

DIRECTORY = "/opt/harbor"
CONFIG, CONTAINERS = f"file:{DIRECTORY}/harbor.yml", f"containers:{DIRECTORY}"
PASSWORD, PREPARED = f"database-password:{DIRECTORY}", f"prepared:{DIRECTORY}"
NOTE = f"{DIRECTORY}/.moor-unpacked"
APPLY = ("apply", "harbor", "--yes")


def secret(moored: Moored, name: str, word: str) -> str:
    path = moored.moor.site / name
    path.write_text(word)
    path.chmod(0o600)
    return f"file:{path}"


def test_a_new_database_password_and_options_reach_harbor_and_go_again(moored: Moored) -> None:
    word = "n3w$Secret$HOME"
    options = {"log": {"level": "debug"}, "proxy": {"no_proxy": "12:30:45"}, "trivy": {"github_token": "env:MOOR_TEST"}}
    reference = secret(moored, "database", word)
    with written(moored, harbor__database_password=reference, harbor__options={**options, "trivy": {"timeout": "1m"}}):
        refused = moored.moor("plan", "harbor")
        assert refused.returncode == 1
        assert "harbor.options.trivy.timeout: Harbor 2.8 does not have it" in refused.stdout + refused.stderr
    del options["trivy"]
    with written(moored, harbor__database_password=reference, harbor__options=options):
        assert {PASSWORD, CONFIG, PREPARED} <= set(moored.moor.planned("harbor"))
        moored.moor.applied("harbor")
        # as Compose has handed it on
        assert f"\nPOSTGRESQL_PASSWORD={word}" in run(moored, "docker exec harbor-core busybox env")
        assert moored.moor.planned("harbor") == []
        run(moored, f"sed -i 's/^  no_proxy.*/  no_proxy: 12:30:45/' {DIRECTORY}/harbor.yml")  # a number, to Harbor
        assert moored.moor.planned("harbor") == [CONFIG, PREPARED]
    assert CONFIG in moored.moor.planned("harbor")
    moored.moor.applied("harbor")
    assert moored.moor.planned() == []
    assert run(moored, f"grep -c 'level: info' {DIRECTORY}/harbor.yml") == "1"
    assert word not in "".join(moored.moor.said)


def test_the_administrators_password_is_changed_without_an_outage(moored: Moored) -> None:
    former = (moored.lab.directory / "secrets/harbor-admin").read_text().strip()
    harbor = administrator(moored)
    harbor.change("PUT", "/api/v2.0/users/1/password", {"old_password": former, "new_password": "An0therWord"})
    try:
        unexamined = json.loads(moored.moor("plan", "--output", "json").stdout)["hosts"]
        assert "data.harbor.admin_password" in unexamined["ws1"]["error"]
        assert not [
            r for r in unexamined["ws1"]["resources"] if r["id"].startswith("image:") and r["status"] == "drift"
        ]
        with written(moored, harbor__admin_password=secret(moored, "admin", "An0therWord")):
            assert moored.moor.planned() == []
    finally:
        login = ("admin", "An0therWord")
        body = {"old_password": login[1], "new_password": former}
        assert harbor.ask("PUT", "/api/v2.0/users/1/password", body=body, login=login).is_success
        harbor.close()


@pytest.mark.parametrize(
    ("before", "after", "words", "commands"),
    [
        (f"echo harbor-offline-installer-v2.7.4.tgz > {NOTE}", f"echo harbor-offline-installer-v2.8.3.tgz > {NOTE}",
         "moor does not know what v2.7.4 does to the data", (("check",), ("plan", "harbor"), APPLY)),
        (f"mv {NOTE} {NOTE}-kept", f"mv {NOTE}-kept {NOTE}", "is there and was not unpacked by moor", (APPLY,)),
    ],
)  # fmt: skip
def test_another_release_and_a_harbor_of_others_are_refused_before_anything_happens(
    moored: Moored, before: str, after: str, words: str, commands: tuple[tuple[str, ...], ...]
) -> None:
    run(moored, before)
    try:
        for command in commands:
            done = moored.moor(*command)
            assert done.returncode == 1
            assert words in done.stdout
    finally:
        run(moored, after)
    assert moored.moor.planned("harbor") == []


def test_data_in_another_place_are_refused_and_harbor_stays_up(moored: Moored) -> None:
    with written(moored, harbor__data_volume="/srv/harbor"):
        done = moored.moor("apply", "harbor", "--yes")
    assert done.returncode == 1
    assert "data_volume: /data -> /srv/harbor: Harbor would come up without its projects or images" in done.stdout
    assert moored.moor.planned("harbor") == []


def test_images_are_not_examined_while_a_part_of_harbor_is_down(moored: Moored) -> None:
    run(moored, "docker stop registry")
    try:
        host = json.loads(moored.moor("plan", "images", "--output", "json").stdout)["hosts"]["ws1"]
        assert "a part of Harbor behind its proxy is down" in host["error"]
        assert not [r for r in host["resources"] if r["id"].startswith("image:") and r["status"] == "drift"]
    finally:
        run(moored, "docker start registry")
    assert eventually(lambda: moored.moor.planned() == [], 60)


def test_a_robot_whose_days_are_over_is_made_anew_with_the_same_password(moored: Moored) -> None:
    project = {"public": False, "robots": {
        "puller": {"access": ["pull"], "duration_days": 30}, "pusher": {"access": ["pull", "push"]},
    }}  # fmt: skip
    with written(moored, projects__demo=project):
        moored.moor.applied("registry")
        created = """jsonb_set(body::jsonb, '{creation_time}', '"2024-01-01T00:00:00.000Z"')"""
        where = "where kind = 'robot' and body like '%demo+puller%'"
        sql = f"update record set body = jsonb_set({created}, '{{expires_at}}', '1')::text {where};"  # noqa: S608 - ours
        moored.lab.exec(
            "harbor1", ["docker", "exec", "-i", "harbor-db", "psql", "-U", "postgres", "registry"], stdin=sql
        )
        assert "made anew" in moored.moor("plan", "registry").stdout
        assert moored.moor.planned() == ["robot:demo+puller"]
        moored.moor.applied("registry")
        assert moored.moor.planned() == []
    moored.moor.applied("registry")


def test_a_dockerd_that_is_killed_takes_harbor_along_for_seconds(moored: Moored) -> None:
    run(moored, "kill -9 $(pidof dockerd)")
    assert eventually(lambda: settled(moored), 60), "harbor.service waits for the dockerd that waits for it"
    assert eventually(lambda: moored.moor("plan", "harbor").returncode == 0, 90)


def test_containers_that_docker_has_lost_are_planned_and_brought_back(moored: Moored) -> None:
    drop_in = "/run/systemd/system/harbor.service.d"
    nothing = r"printf '[Service]\nExecStart=\nExecStart=/bin/true\n'"  # as a unit that does not look after them
    run(moored, f"mkdir -p {drop_in}; {nothing} > {drop_in}/x.conf; systemctl daemon-reload; kill -9 $(pidof dockerd)")
    try:
        assert eventually(lambda: settled(moored), 60)
        said = moored.moor("plan", "harbor").stdout
        assert "core: running, but Docker has lost its process -> running" in said
    finally:
        run(moored, f"rm -r {drop_in}; systemctl daemon-reload")
    moored.moor.applied("harbor")
    assert moored.moor.planned() == []  # which asks Harbor's health, its robots and images too


def settled(moored: Moored) -> bool:
    return run(moored, "systemctl is-active docker harbor || :").split() == ["active", "active"]
