"""Rotation of robots' logins on the stand-ins of Harbor and Kubernetes, killed at its writes and gone on with."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.connections.apis.harbor import Harbor
from moor.inventory.nodes import Node
from moor.tasks.robot_rotation.former_in_cluster import strange_nodes
from moor.tasks.robot_rotation.former_logins import base64_pattern, plain_pattern, search_fragment
from moor.tasks.robot_rotation.rotated import is_too_old
from moor_lab.kubernetes.standin import kinds
from tests.harness.harbor import NAME, HarborSite, harbor_site
from tests.harness.hosts import local_shells
from tests.harness.shells import SHELLS, sh
from tests.kubernetes.served import Api

NAMESPACES = ("team-a", "team-b")
# moor as a process of its own, whose Harbor is on loopback and whose hosts are this machine.
DRIVER = """\
import sys
from moor.cli import main
from moor_lab.harbor.loopback import OnLoopback
from tests.harness.hosts import local_shells, replaced_plugin
with replaced_plugin("harbor", OnLoopback), local_shells():
    main(sys.argv[1:])
"""
FAR_MORE_THAN_NEEDED = 40  # runs


@dataclass
class Rotated:
    """A site whose robot's login is in two namespaces."""

    site: HarborSite
    api: Api

    def write(self, robot: Mapping[str, Any], **data: Any) -> None:
        entry = {"robot": "demo+puller", "namespaces": list(NAMESPACES)}
        projects = {"demo": {"robots": {"puller": robot}, "prune": ["robots"]}}
        cluster = {"kubeconfig": str(self.api.kubeconfig)}
        self.site.write(projects=projects, cluster=cluster, pull_secrets={"registry": entry}, **data)

    def robots(self) -> list[str]:
        number = self.site.get("/projects/demo")["project_id"]
        return sorted(one["name"] for one in self.site.get("/robots", q=f"Level=project,ProjectID={number}"))

    def login_in(self, namespace: str) -> tuple[str, str]:
        found = self.api.store.get(kinds.SECRET, namespace, "registry")
        (entry,) = json.loads(base64.b64decode(found["data"][".dockerconfigjson"]))["auths"].values()
        user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
        return user, password

    def users(self) -> set[str]:
        return {self.login_in(namespace)[0] for namespace in NAMESPACES}

    def is_taken(self, login: tuple[str, str]) -> bool:
        trust = ssl.create_default_context(cafile=str(self.site.harbor.ca))
        with closing(Harbor(NAME, "127.0.0.1", self.site.harbor.port, None, trust)) as harbor:
            return harbor.logs_in(*login)

    def rotate(self, *words: str, code: int = 0) -> str:
        with local_shells():
            return self.site("rotate", "robot", *words, "--yes", code=code).said


@pytest.fixture
def rotated(tmp_path: Path, api: Api) -> Iterator[Rotated]:
    (tmp_path / "harbor").mkdir()
    with harbor_site(tmp_path / "harbor") as site:
        site.hosts = {"cp1": "control_plane", "ws1": "workstations"}
        made = Rotated(site, api)
        for name in NAMESPACES:
            api.cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": name}})
        made.write({"grace_hours": 0})
        site("apply", "registry", "--yes")
        site("apply", "pull_secrets", "--yes")
        yield made


def killed_at_write(rotated: Rotated, number: int, *words: str) -> bool:
    """Run moor and kill it when it is being told of its n-th write; return whether it ended before."""
    argv = [sys.executable, "-c", DRIVER, *words, "--yes", "--site", str(rotated.site.folder)]
    writes, pid = [0], [0]

    def hear(is_write: bool) -> None:
        writes[0] += is_write
        if is_write and writes[0] == number and pid[0]:
            os.kill(pid[0], signal.SIGKILL)

    rotated.site.listeners.append(lambda line: hear(not line.startswith("GET ")))
    rotated.api.answering = lambda path: hear("fieldManager=" in path and "dryRun" not in path)
    try:
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            pid[0] = process.pid
            said, _ = process.communicate(timeout=60)
    finally:
        rotated.site.listeners.pop()
        rotated.api.answering = lambda _: None
    rotated.site.said.append(said)
    assert process.returncode in (0, -signal.SIGKILL), said
    return process.returncode == 0


def test_a_rotation_killed_at_its_writes_goes_on_and_every_pull_secret_has_a_valid_login_all_the_while(
    rotated: Rotated,
) -> None:
    old = rotated.login_in("team-a")
    kept = [path.read_text().strip() for path in (rotated.site.folder / ".moor/secrets").glob("robot-*")]
    kills, words = 0, ["rotate", "robot", "demo+puller"]
    while not killed_at_write(rotated, 1 + kills % 2, *words):
        kills, words = kills + 1, ["apply", "robot_rotation"]
        assert all(rotated.is_taken(rotated.login_in(namespace)) for namespace in NAMESPACES)
        assert kills < FAR_MORE_THAN_NEEDED
    assert kills >= 3
    assert rotated.robots() == ["robot$demo+puller.g2"]
    assert rotated.users() == {"robot$demo+puller.g2"}
    assert not rotated.is_taken(old)
    assert all(rotated.is_taken(rotated.login_in(namespace)) for namespace in NAMESPACES)
    for runbook in ("robot_rotation", "registry", "pull_secrets"):
        with local_shells():
            rotated.site("plan", runbook, code=0)
    kept += [path.read_text().strip() for path in (rotated.site.folder / ".moor/secrets").glob("robot-*")]
    assert len(kept) == len(set(kept)) == 2
    assert not [word for word in kept for said in rotated.site.said if word in said]


def test_both_logins_are_valid_for_the_grace_period_and_nothing_takes_the_former_robot_for_unlisted(
    rotated: Rotated,
) -> None:
    rotated.write({})
    old = rotated.login_in("team-a")
    with local_shells():
        planned = rotated.site("rotate", "robot", "demo+puller", "--plan", code=2).said
    assert "~ robot:demo+puller.g2  [cp1]" in planned
    assert planned.count("user: robot$demo+puller -> (known later: Harbor's name of the robot demo+puller)") == 2
    assert rotated.robots() == ["robot$demo+puller"]
    said = rotated.rotate("demo+puller")
    assert "robot$demo+puller stays valid, at least until 20" in said
    assert rotated.users() == {"robot$demo+puller.g2"}
    assert rotated.is_taken(old)
    again = rotated.rotate("demo+puller")
    assert "apply: nothing to change" in again
    for runbook in ("registry", "pull_secrets", "robot_rotation"):
        with local_shells():
            rotated.site("drift", "--runbook", runbook, code=0)
    assert rotated.robots() == ["robot$demo+puller", "robot$demo+puller.g2"]
    exported = rotated.site("harbor", "export").stdout
    assert "puller:" in exported
    assert "puller.g2" not in exported
    rotated.write({"grace_hours": 0})
    rotated.rotate()
    assert rotated.robots() == ["robot$demo+puller.g2"]
    assert not rotated.is_taken(old)


def test_a_robot_is_rotated_when_it_is_too_old_and_a_drift_check_says_so_before(rotated: Rotated) -> None:
    rotated.write({"rotate_after_days": 30, "grace_hours": 0})
    with local_shells():
        rotated.site("drift", "--runbook", "robot_rotation", code=0)
        (robot,) = rotated.site.harbor.core.store.all("robot")
        aged = {**robot.body, "creation_time": "2020-01-01T00:00:00.000Z"}
        rotated.site.harbor.core.store.put(replace(robot, body=aged))
        assert "next-robot:demo+puller" in rotated.site("drift", "--runbook", "robot_rotation", code=2).said
        rotated.site("apply", "robot_rotation", "--yes")
        rotated.site("drift", "--runbook", "robot_rotation", code=0)
    assert rotated.robots() == ["robot$demo+puller.g2"]


def test_a_host_that_logs_in_as_the_former_robot_keeps_it_valid_and_is_named(rotated: Rotated, tmp_path: Path) -> None:
    rotated.write({})
    rotated.rotate("demo+puller")
    home = Path("/run/containers/moor-test")
    home.mkdir(parents=True)
    try:
        (home / "auth.json").write_text(json.dumps({"auths": {NAME: {"auth": auth("robot$demo+puller", "x")}}}))
        rotated.write({"grace_hours": 0})
        said = rotated.rotate(code=1)
        assert "/run/containers/moor-test/auth.json: logs in to registry.corp.test" in said
        assert "write the login of puller.g2 there, whose password is in .moor/secrets/robot-demo-puller.g2" in said
        assert len(rotated.robots()) == 2
    finally:
        (home / "auth.json").unlink()
        home.rmdir()
    rotated.rotate()
    assert len(rotated.robots()) == 1


def test_a_pull_secret_of_others_keeps_the_former_robot_valid_and_is_named(rotated: Rotated) -> None:
    rotated.write({})
    old = rotated.login_in("team-a")
    rotated.rotate("demo+puller")
    rotated.write({"grace_hours": 0})
    port = f"{NAME}:{rotated.site.harbor.port}"
    content = base64.b64encode(json.dumps({"auths": {f"https://{port}": {"auth": auth(*old)}}}).encode()).decode()
    made = {"metadata": {"name": "by-hand", "namespace": "team-b"}, "data": {".dockerconfigjson": content}}
    rotated.api.cluster.create(kinds.SECRET, "team-b", {**made, "type": "kubernetes.io/dockerconfigjson"})
    said = rotated.rotate(code=1)
    assert "secret:team-b/by-hand: logs in as robot$demo+puller" in said
    assert rotated.is_taken(old)
    rotated.api.cluster.delete(kinds.SECRET, "team-b", "by-hand", {})
    rotated.rotate()
    assert not rotated.is_taken(old)


def test_what_moor_cannot_rotate_is_refused_with_a_remedy(rotated: Rotated) -> None:
    own = {"secret": rotated.site.secret("own", "Passw0rdOfMyOwn")}
    logins = {"given": {"user": "somebody", "password": own["secret"]}}
    rotated.write(own, logins=logins)
    said = rotated.rotate("given", "demo+puler", "demo+puller", code=1)
    assert "given is a login of data.logins, which somebody else gave out" in said
    assert "the inventory has no robot demo+puler; did you mean demo+puller?" in said
    assert "the password of demo+puller is your own, below secret; drop secret" in said
    rotated.write({**own, "rotate_after_days": 3})
    assert "robots.puller.rotate_after_days: the password is your own" in rotated.rotate(code=1)
    rotated.write({"duration_days": 10, "rotate_after_days": 10})
    assert "it expires after 10 days; write fewer than these" in rotated.rotate(code=1)


def auth(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


Users = st.from_regex(r"robot\$[a-z0-9]{1,4}\+[a-z0-9]{1,5}", fullmatch=True)


@given(Users, st.text(min_size=1, max_size=8))
def test_a_login_in_base64_is_found_by_its_user_whatever_the_password(user: str, password: str) -> None:
    found = re.compile(base64_pattern(user))
    assert found.search(f'"auth": "{auth(user, password)}"')
    for other in (f"{user}.g2", f"{user}x", user[:-1]):
        assert not found.search(f'"auth": "{auth(other, password)}"')


@pytest.mark.parametrize("shell", SHELLS)
def test_files_that_log_in_as_a_user_are_found_in_any_shell(shell: str, tmp_path: Path) -> None:
    user = "robot$demo+puller"
    contents = {
        "docker": json.dumps({"auths": {NAME: {"auth": auth(user, "word")}}}),
        "next": json.dumps({"auths": {NAME: {"auth": auth(f"{user}.g2", "word")}}}),
        "k3s": f"configs:\n  {NAME}:\n    auth:\n      username: {user}\n",
        "k3s-next": f"configs:\n  {NAME}:\n    auth:\n      username: '{user}.g2'\n",
        "hosts": f'[host."https://{NAME}".header]\n  Authorization = "Basic {auth(user, "word")}"\n',
        "other": "robot$demo+pusher",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "a directory").mkdir()
    done = sh(shell, search_fragment(user, [f"{tmp_path}/*", "/nowhere/*"]))
    assert done.returncode == 0, done.stderr
    assert {Path(line).name for line in done.stdout.decode().splitlines()} == {"docker", "k3s", "hosts"}
    assert plain_pattern(user)


def test_a_node_that_runs_pods_of_the_registry_and_is_no_host_is_a_stranger() -> None:
    def pod(node: str, image: str) -> dict[str, Any]:
        return {"spec": {"nodeName": node, "containers": [{"image": image}]}}

    nodes = [Node("n1", ("10.0.0.1",)), Node("n2", ("10.0.0.2",)), Node("n3", ("10.0.0.3",))]
    pods = [pod("n1", f"{NAME}/demo/a:1"), pod("n2", f"{NAME}/demo/a:1"), pod("n3", "docker.io/a:1")]
    assert strange_nodes(nodes, {"node1": ("10.0.0.1", "")}, pods, NAME) == ["n2"]
    assert strange_nodes(nodes, {"node1": ("10.0.0.1", ""), "x": ("other", "n2")}, pods, NAME) == []


@pytest.mark.parametrize(
    ("created", "old"), [("2026-01-01T00:00:00.000Z", True), ("2026-01-01T00:00:01.000Z", False), ("soon", False)]
)
def test_age_counts_from_the_creation(created: str, old: bool) -> None:
    assert is_too_old(created, 30, datetime(2026, 1, 31, tzinfo=UTC)) == old


@pytest.fixture
def with_node(rotated: Rotated) -> Rotated:
    """Have one more host, which knows the robot's login by the pull secrets."""
    rotated.site.hosts = {**rotated.site.hosts, "node1": "nodes"}
    rotated.write({})
    return rotated


def test_a_node_that_is_gone_is_out_once_the_registry_refuses_the_logins_that_it_knew(with_node: Rotated) -> None:
    old, site = with_node.login_in("team-a"), with_node.site
    with local_shells():
        planned = site("offboard", "node1", "--gone", "--plan", code=2).stdout
        assert "robot: demo+puller gets another login" in planned
        said = site("offboard", "node1", "--gone", "--yes", code=2).stdout
        assert "the login of demo+puller that it knew is valid still (--now revokes it at once)" in said
        assert "node1" not in (site.folder / "inventory/hosts.yaml").read_text()
        assert with_node.is_taken(old)
        said = site("offboard", "node1", "--gone", "--now", "--yes", code=0).stdout
        assert "node1: it is gone, and the registry refuses the logins that it knew" in said
        assert not with_node.is_taken(old)
        assert with_node.robots() == ["robot$demo+puller.g2"]
        assert "no host of the inventory is called node1" in site("offboard", "node1", "--yes", code=1).stderr


def test_an_offboarding_killed_at_its_writes_goes_on_by_the_same_command(with_node: Rotated) -> None:
    old, words = with_node.login_in("team-a"), ("offboard", "node1", "--gone", "--now")
    assert [killed_at_write(with_node, number, *words) for number in (1, 3)] == [False, False]
    assert (with_node.site.folder / ".moor/leaving/node1.json").exists()
    with local_shells():
        with_node.site(*words, "--yes", code=0)
    assert with_node.robots() == ["robot$demo+puller.g2"]
    assert not with_node.is_taken(old)
    assert not (with_node.site.folder / ".moor/leaving/node1.json").exists()
