"""Two real hosts with a Harbor each: the standby holds what the first one does, and takes over while a node pulls."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from moor_lab.fleet import Fleet, Host
from moor_lab.lab import Lab
from tests.harness.commands import typed
from tests.harness.waiting import until
from tests.lab.moored import Moor, MoorHere, fleet_running, site_for
from tests.lab.pushing import Pusher

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

FIRST, SECOND, NODE = "harbor1", "harbor2", "node1"
NAME = "registry.moor.test"
IMAGE = f"{NAME}/demo/sqrt:1.0"
SMALL = f"{NAME}/demo/sqrt:small"
ACTIVE = "active.yaml"
KEPT = (FIRST, "cp1", NODE, "ws1")
# Each pull fetches everything, for nothing is left of the one before; bounded, should nobody end it.
LOOP = f"""\
n=0; rm -f /run/pulls /run/pulls.end
while [ ! -e /run/pulls.end ] && [ "$n" -lt 6000 ]; do
  n=$((n + 1)); at=$(date +%s)
  if timeout 10 ctr -n failover images pull --hosts-dir /etc/containerd/certs.d \\
    --user "admin:$(cat /run/pulls.login)" {SMALL} >/run/pulls.said 2>&1
  then echo "$at pulled" >>/run/pulls; else echo "$at failed $(tail -n 1 /run/pulls.said)" >>/run/pulls; sleep 0.2; fi
  ctr -n failover images rm --sync {SMALL} >/dev/null 2>&1; sleep 0.3
done
rm -f /run/pulls.login; ctr namespaces rm failover; echo "0 ended" >>/run/pulls
"""


@dataclass
class Pair:
    """A fleet with two registries, to which the whole site was applied once."""

    lab: Lab
    moor: Moor

    def address(self, name: str) -> str:
        return str(self.lab.machine(name).host.address)

    @property
    def password(self) -> str:
        return (self.lab.directory / "secrets/harbor-admin").read_text().strip()

    def ask(self, name: str, path: str, method: str = "GET", body: object = None) -> Any:
        """Ask the API of one of the two by its address, as its administrator."""
        answer = httpx.request(
            method,
            f"https://{self.address(name)}/api/v2.0{path}",
            json=body,
            auth=("admin", self.password),
            verify=ssl.create_default_context(cafile=str(self.moor.site / ".moor/pki/ca.crt")),
            timeout=20,
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def artifacts(self, name: str, repository: str = "sqrt") -> dict[str, list[str]]:
        """Return the tags of each artifact of a repository of project demo."""
        found = self.ask(name, f"/projects/demo/repositories/{repository}/artifacts")
        return {one["digest"]: [tag["name"] for tag in one["tags"] or ()] for one in found}

    def serving(self) -> dict[str, str]:
        """Return what the site's file says."""
        return dict(YAML(typ="safe").load(self.moor.site / ACTIVE) or {})

    def pushes(self, tag: str) -> None:
        """Push another tag from the workstation, as its user does."""
        image = f"{NAME}/demo/sqrt:{tag}"
        login = f"docker login -u admin --password-stdin {NAME}"
        script = f"{login} && docker tag {IMAGE} {image} && docker push -q {image}"
        self.lab.exec("ws1", ["sh", "-ec", script], stdin=self.password, timeout_s=120)

    def arrives(self, name: str, tag: str) -> None:
        """Wait until a tag is in one of the two."""
        until(lambda: any(tag in tags for tags in self.artifacts(name).values()), f"{name} has {tag}", 60)

    def killed(self, *words: str, when: Callable[[], object]) -> None:
        """Start a command, and kill it as soon as ``when`` is true."""
        with subprocess.Popen(
            typed(self.moor.site, *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            until(lambda: when() or process.poll() is not None, "the command got so far", 120)
            process.kill()


def with_second(fleet: Fleet) -> Fleet:
    some = fleet.only(*KEPT)
    address = IPv4Address(int(some.hosts[FIRST].address) + 1)
    return some.with_host(Host(name=SECOND, address=address, suite="trixie", profile="bare"))


def write_inventory(site: Path, lab: Lab) -> None:
    """Take the hosts that are not there out of the shipped inventory, and add the second registry."""
    yaml = YAML(typ="safe")
    hosts, defaults = site / "inventory/hosts.yaml", site / "inventory/defaults.yaml"
    known, data = yaml.load(hosts), yaml.load(defaults)
    second = str(lab.machine(SECOND).host.address)
    kept = {name: known[name] for name in KEPT} | {SECOND: {**known[FIRST], "hostname": second}}
    data["data"]["registry"]["standby"] = {"host": SECOND, "address": second, "lag_minutes": 1}
    data["data"]["workloads"]["sqrt"]["replicas"] = 1
    for path, tree in ((hosts, kept), (defaults, data)):
        with path.open("w") as file:
            yaml.dump(tree, file)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with fleet_running("two-registries", of=with_second) as lab:
        moor = site_for(lab, tmp_path_factory.mktemp("two"))
        write_inventory(moor.site, lab)
        moor.applied()
        yield Pair(lab, MoorHere(lab, moor.site, moor.said))


@contextmanager
def pulls(pair: Pair) -> Iterator[list[tuple[int, str]]]:
    """Have the node pull with hardly a pause; afterwards the list has the second and the outcome of each pull."""
    found: list[tuple[int, str]] = []
    pair.lab.exec(NODE, ["sh", "-c", "umask 077; cat >/run/pulls.login"], stdin=pair.password)
    pair.lab.exec(NODE, ["systemd-run", "--quiet", "sh", "-c", LOOP])
    try:
        yield found
    finally:
        pair.lab.exec(NODE, ["touch", "/run/pulls.end"])
        wait = "for i in $(seq 300); do grep -qx '0 ended' /run/pulls && break; sleep 0.2; done; cat /run/pulls"
        for line in pair.lab.exec(NODE, ["sh", "-c", wait], timeout_s=90).splitlines():
            at, _, outcome = line.partition(" ")
            found.append((int(at), outcome))
        assert found.pop() == (0, "ended")


def name_on(pair: Pair, host: str) -> str:
    return pair.lab.exec(host, ["getent", "hosts", NAME]).split()[0]


def test_the_standby_is_installed_and_holds_what_the_first_one_does(pair: Pair) -> None:
    assert pair.moor.planned() == []
    assert Pusher(pair.address(FIRST), pair.password, pair.moor.site / ".moor/pki/ca.crt").small() == SMALL
    for tag in ("1.0", "small"):
        pair.arrives(SECOND, tag)
    assert pair.artifacts(SECOND) == pair.artifacts(FIRST)
    number = pair.ask(SECOND, "/projects/demo")["project_id"]
    robots = {one["name"] for one in pair.ask(SECOND, f"/robots?q=Level%3Dproject%2CProjectID%3D{number}")}
    assert robots == {"robot$demo+puller", "robot$demo+pusher"}
    verified = pair.moor("verify")
    assert verified.returncode == 0, verified.said
    assert "standby" in verified.stdout.splitlines()[0]


def test_a_push_arrives_and_a_rule_that_rests_is_drift(pair: Pair) -> None:
    pair.pushes("2.0")
    pair.arrives(SECOND, "2.0")
    policies = {one["name"]: one for one in pair.ask(FIRST, "/replication/policies")}
    pair.ask(FIRST, f"/replication/policies/{policies['moor-standby-on-push']['id']}", "PUT",
             {**policies["moor-standby-on-push"], "enabled": False})  # fmt: skip
    assert pair.moor.planned("registry") == ["replication:moor-standby-on-push"]
    pair.moor.applied("registry")


def test_for_maintenance_the_name_moves_and_back_and_pulls_fail_only_while_one_is_read_only(pair: Pair) -> None:
    planned = pair.moor("failover", "--plan")
    assert planned.returncode == 2, planned.said
    assert f"host: {FIRST} -> {SECOND}" in planned.stdout
    assert pair.address(SECOND) in planned.stdout
    assert not (pair.moor.site / ACTIVE).exists()
    with pulls(pair) as outcomes:
        pair.killed("failover", "--yes", when=lambda: (pair.moor.site / ACTIVE).exists())
        assert pair.serving()["moving_to"] == SECOND
        done = pair.moor("failover", "--yes")
        assert done.returncode == 0, done.said
        assert pair.serving() == {"serving": SECOND}
        assert {name_on(pair, host) for host in (NODE, "cp1", "ws1")} == {pair.address(SECOND)}
        assert pair.moor.planned() == []
        pair.pushes("3.0")
        pair.arrives(FIRST, "3.0")
        back = pair.moor("failover", "--back", "--yes")
        assert back.returncode == 0, back.said
    # a registry that is read-only refuses every POST, that of containerd for a token too
    failed = [outcome for _, outcome in outcomes if outcome != "pulled"]
    assert all("failed to fetch oauth token: unexpected status: 403" in outcome for outcome in failed)
    assert len(failed) < len(outcomes) / 2
    assert {name_on(pair, host) for host in (NODE, "cp1", "ws1")} == {pair.address(FIRST)}
    assert pair.moor.planned() == []


def test_with_the_first_one_dead_the_standby_takes_over_and_the_first_one_returns_as_the_standby(pair: Pair) -> None:
    pair.pushes("4.0")
    pair.arrives(SECOND, "4.0")
    with pulls(pair) as outcomes:
        until(lambda: pulled_so_far(pair) > 10, "the node pulls", 60)
        pair.lab.machine(FIRST).kill()
        killed = time.time()
        done = pair.moor("failover", "--yes")
        ended = time.time()
        assert done.returncode == 0, done.said
        assert f"{FIRST} is left out" in done.stderr
        enough = pulled_so_far(pair) + 10
        until(lambda: pulled_so_far(pair) > enough, "the node pulls again", 60)
    before = [outcome for at, outcome in outcomes if at < int(killed) - 1]
    after = [outcome for at, outcome in outcomes if at > ended]
    assert before
    assert set(before) == {"pulled"}
    assert after
    assert set(after) == {"pulled"}
    back = next(at for at, outcome in outcomes if at >= killed and outcome == "pulled")
    figures = {"pulls failed for s": round(back - killed), "failover s": round(ended - killed)}
    print(json.dumps(figures), file=sys.stderr)
    assert pair.serving() == {"serving": SECOND}
    pair.pushes("5.0")

    pair.lab.up([FIRST])
    until(lambda: is_healthy(pair, FIRST), "the first one is back", 180)
    again = pair.moor("failover", SECOND, "--yes")
    assert again.returncode == 0, again.said
    assert pair.moor.planned() == []
    pair.ask(SECOND, "/replication/executions", "POST", {"policy_id": catch_up(pair, SECOND)})
    pair.arrives(FIRST, "5.0")
    back_again = pair.moor("failover", "--back", "--yes")
    assert back_again.returncode == 0, back_again.said
    assert pair.artifacts(FIRST) == pair.artifacts(SECOND)
    assert pair.password not in "".join(pair.moor.said)


def pulled_so_far(pair: Pair) -> int:
    return int(pair.lab.exec(NODE, ["sh", "-c", "grep -c pulled /run/pulls 2>/dev/null || :"]) or 0)


def is_healthy(pair: Pair, name: str) -> bool:
    try:
        return bool(pair.ask(name, "/health")["status"] == "healthy")
    except (httpx.HTTPError, AssertionError):
        return False


def catch_up(pair: Pair, name: str) -> int:
    return next(int(one["id"]) for one in pair.ask(name, "/replication/policies") if one["name"].endswith("catch-up"))
