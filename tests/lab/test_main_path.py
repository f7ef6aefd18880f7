"""The main path as a user types it: a bare fleet becomes one whose workload runs from the registry, and stays so.

The tests of this file build on one another: each finds the fleet as the one before it left it.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

import jsonschema
import pytest
from lightkube import Client, KubeConfig
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Secret as KubeSecret
from ruamel.yaml import YAML

from moor.connections.apis.harbor import Harbor
from moor.output.schema import SCHEMA_FILE
from moor.secrets.masking import spellings
from moor.tasks.diagnosis.rules.layers import LAYERS
from moor.tasks.registry.robots import find_robot
from moor_lab import faults
from moor_lab.fleet import Host
from moor_lab.lab import Lab
from tests.harness.waiting import eventually
from tests.lab.moored import Moor, MoorHere, fleet_running, site_for

pytestmark = pytest.mark.lab

NODES = ("cp1", "node1", "node2", "node3")
CONTAINERD = "/etc/containerd/config.toml"
HARBORS_OWN = "HARBOR_ADMIN_PASSWORD="  # its installer gives it to the core by the environment of its container
LISTING = "find /etc /opt /srv /usr/local /var/lib/moor -xdev -type f -printf '%p %s %T@\\n' 2>/dev/null | sort"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Yield a fleet of this file's own, bare at first."""
    with fleet_running("main-path") as running:
        yield running


@pytest.fixture(scope="module")
def moor(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Moor:
    """Return the shipped site, moved to this file's fleet."""
    return site_for(lab, tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def here(lab: Lab, moor: Moor) -> Moor:
    """Return moor on the same site, within this process: for what the first tests have typed already."""
    return MoorHere(lab, moor.site, moor.said)


def hosts_of(lab: Lab) -> dict[str, str]:
    """List what stands on every host's disk where moor writes."""
    return {name: lab.exec(name, ["sh", "-c", LISTING]) for name in lab.fleet.hosts}


def address(lab: Lab, name: str) -> str:
    return str(lab.machine(name).host.address)


def harbor_health(lab: Lab) -> str:
    """Return the state of Harbor as it says itself, asked on its own host."""
    request = r"GET /api/v2.0/health HTTP/1.0\r\nHost: registry.moor.test\r\n\r\n"
    ask = f"printf '{request}' | timeout 5 openssl s_client -quiet -connect 127.0.0.1:443 2>/dev/null"
    try:
        answer = lab.exec("harbor1", ["sh", "-c", ask])
        return str(json.loads(answer.partition("\n\n")[2])["status"])
    except Exception as error:  # whatever keeps it from answering is what the caller waits to end
        return f"no answer: {error}"


def test_every_host_of_the_inventory_is_reached(lab: Lab, moor: Moor) -> None:
    done = moor("check", "--output", "json")
    assert done.returncode == 0, done.stdout
    hosts = done.report["hosts"]
    assert hosts.keys() == {*lab.fleet.hosts}
    assert not [name for name, host in hosts.items() if host["error"]]


def test_a_plan_of_bare_hosts_says_what_would_change_and_writes_nothing(lab: Lab, moor: Moor) -> None:
    for name in lab.fleet.hosts:
        lab.exec(name, ["systemctl", "is-system-running", "--wait"])
    before = hosts_of(lab)
    done = moor("plan")
    assert done.returncode == 2, done.stderr
    assert "~ package:docker.io+docker-cli+docker-compose" in done.stdout
    assert "(known later: the CA's certificate)" in done.stdout
    assert "plan: " in done.stdout.splitlines()[-1]
    after = hosts_of(lab)
    changed = [line for name in before for line in set(after[name].split("\n")) ^ set(before[name].split("\n"))]
    assert changed == []
    assert not (moor.site / ".moor").exists()


def test_apply_asks_and_without_anybody_to_ask_changes_nothing(lab: Lab, moor: Moor) -> None:
    done = moor("apply")
    assert (done.returncode, done.stdout) == (1, "")
    assert "say --yes" in done.stderr


def test_one_apply_takes_the_bare_fleet_to_a_workload_that_runs(lab: Lab, moor: Moor) -> None:
    seen: set[str] = set()
    ended = threading.Event()
    watcher = threading.Thread(target=watch_programs, args=(seen, ended))
    watcher.start()
    plan = str(moor.site.parent / "plan.json")
    try:
        assert moor("plan", "--out", plan).returncode == 2
        done = moor("apply", plan)
        assert done.returncode == 0, done.said
    finally:
        ended.set()
        watcher.join()
    saved = Path(plan).read_text()
    for secret in secrets_of(moor):
        shown = [(form, line) for form in spellings(secret) for line in seen if form in line]
        assert not shown, "a secret was an argument of a program, or in its environment"
        assert not [form for form in spellings(secret) if form in saved]
    for name in NODES[1:]:
        with urllib.request.urlopen(f"http://{address(lab, name)}:8000/sqrt/2", timeout=5) as answer:
            assert json.load(answer)["sqrt"] == pytest.approx(2**0.5)


def test_the_workload_runs_confined_as_its_template_asks(lab: Lab, moor: Moor) -> None:
    status = "for p in $(ctr -n k8s.io tasks ls | awk '$3 == \"RUNNING\" {print $2}'); do cat /proc/$p/status; done"
    for name in NODES[1:]:
        lines = (line.split() for line in lab.exec(name, ["sh", "-c", status]).splitlines())
        found = {line[0]: line[1] for line in lines if len(line) > 1}
        wanted = {"Uid:": "65534", "CapEff:": "0" * 16, "CapBnd:": "0" * 16, "NoNewPrivs:": "1", "Seccomp:": "2"}
        assert {key: found[key] for key in wanted} == wanted, name


def watch_programs(seen: set[str], ended: threading.Event) -> None:
    """Collect arguments and environment of every program of this machine, which sees those of the lab's hosts too."""
    known: dict[str, bytes] = {}  # the arguments of each process: with others, it is another program
    while not ended.wait(0.04):
        present = [name for name in os.listdir("/proc") if name.isdigit()]
        for name in present:
            with suppress(OSError):  # ended meanwhile
                arguments = Path("/proc", name, "cmdline").read_bytes()
                if known.get(name) == arguments:
                    continue
                environment = Path("/proc", name, "environ").read_bytes()
                known[name] = arguments
                seen.add(arguments.decode(errors="replace"))
                words = environment.decode(errors="replace").split("\0")
                seen.update(word for word in words if not word.startswith(HARBORS_OWN))
        known = {name: known[name] for name in present if name in known}


def secrets_of(moor: Moor) -> list[str]:
    """Read every secret that the site or the lab knows."""
    paths = [*(moor.lab.directory / "secrets").iterdir(), *(moor.site / ".moor" / "secrets").iterdir()]
    found = [path.read_text().strip() for path in paths if path.is_file()]  # not the key of fingerprints, of bytes
    assert len(found) >= 4
    return found


def test_then_there_is_nothing_to_change_and_each_host_is_asked_once(lab: Lab, moor: Moor) -> None:
    before = scripts_of(lab)
    done = moor("plan", "-v")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("plan: no changes; ")
    after = scripts_of(lab)
    assert {name: after[name] - before[name] for name in after} == dict.fromkeys(after, 1)


def scripts_of(lab: Lab) -> dict[str, int]:
    """Count the scripts that every host of the inventory has run for moor so far, as its sudo wrote them down."""
    count = "journalctl --sync; journalctl --quiet --identifier=sudo --output=cat | grep -c COMMAND= || :"
    return {name: int(lab.exec(name, ["sh", "-c", count])) for name in lab.fleet.hosts if name != "outsider"}


def test_every_node_proves_what_it_can(moor: Moor) -> None:
    done = moor("verify")
    assert done.returncode == 0, done.stdout
    columns, *rows = (line.split() for line in done.stdout.splitlines())
    # What the hosts file will say after a reboot is a drift check's; only a stranger tries what nobody there may.
    assert columns == ["host", *(layer.name for layer in LAYERS if layer.name != "hosts"), "access"]
    # No pod of the workload runs on the control plane, so that no secret is needed there.
    unseen = {**{name: {"access"} for name in NODES}, "cp1": {"access", "secret"}, "outsider": {*columns} - {"access"}}
    well = {name: ["-" if column in unseen[name] else "ok" for column in columns[1:]] for name in unseen}
    assert {row[0]: row[1:] for row in rows} == well


def test_the_report_as_json_has_its_documented_keys(here: Moor) -> None:
    report = json.loads(here("plan", "--output", "json").stdout)
    jsonschema.validate(report, json.loads((Path(__file__).parents[2] / SCHEMA_FILE).read_text()))
    assert {"id", "status", "diff"} <= report["hosts"]["node1"]["resources"][0].keys()


DRIFTS = {
    "edit:/etc/hosts#names": ("node1", "sed -i s/registry.moor.test/registry.old.test/ /etc/hosts"),
    "trust-bundle:moor-registry-ca": ("ws1", "rm /usr/local/share/ca-certificates/*; update-ca-certificates --fresh"),
    "service:containerd": ("node2", f"touch {CONTAINERD}"),
    "containers:/opt/harbor": ("harbor1", "docker stop redis"),
    "service:docker": ("ws1", "systemctl stop docker docker.socket"),
}


def test_what_somebody_changed_by_hand_is_named_and_mended(lab: Lab, here: Moor) -> None:
    for host, command in DRIFTS.values():
        lab.exec(host, ["sh", "-c", command])
    assert set(here.drifting()) >= {(host, identity) for identity, (host, _) in DRIFTS.items()}
    here.applied()
    assert here.planned() == []


def make_public(harbor: Harbor, cluster: Client) -> None:
    harbor.change("PUT", "/api/v2.0/projects/demo", {"metadata": {"public": "true"}})


def disable_the_robot(harbor: Harbor, cluster: Client) -> None:
    robot = find_robot(harbor, "demo", "puller") or {}
    harbor.change("PUT", f"/api/v2.0/robots/{robot['id']}", {**robot, "disable": True})


def change_the_robots_password(harbor: Harbor, cluster: Client) -> None:
    robot = find_robot(harbor, "demo", "puller") or {}
    harbor.change("PATCH", f"/api/v2.0/robots/{robot['id']}", {"secret": "0therPassword"})


def delete_the_pull_secret(harbor: Harbor, cluster: Client) -> None:
    cluster.delete(KubeSecret, "registry", namespace="demo")


def scale_down(harbor: Harbor, cluster: Client) -> None:
    cluster.patch(Deployment, "sqrt", {"spec": {"replicas": 1}}, namespace="demo")


def delete_the_image(harbor: Harbor, cluster: Client) -> None:
    harbor.change("DELETE", "/api/v2.0/projects/demo/repositories/sqrt", None)


@pytest.mark.parametrize(
    "meddled",
    [
        {
            make_public: "project:demo",
            disable_the_robot: "robot:demo+puller",
            delete_the_pull_secret: "secret:demo/registry",
            delete_the_image: "image:demo/sqrt:1.0",
        },
        {change_the_robots_password: "robot:demo+puller", scale_down: "deployment:demo/sqrt"},
    ],
    ids=["four", "two"],
)
def test_what_somebody_changed_behind_an_api_is_named_and_mended(
    lab: Lab, here: Moor, meddled: dict[Callable[[Harbor, Client], None], str]
) -> None:
    trust = ssl.create_default_context(cafile=str(here.site / ".moor/pki/ca.crt"))
    admin = ("admin", (lab.directory / "secrets/harbor-admin").read_text().strip())
    config = KubeConfig.from_file(lab.directory / "kubeconfig").get()
    with Client(config, trust_env=False) as cluster:
        harbor = Harbor("registry.moor.test", address(lab, "harbor1"), 443, admin, trust)
        for meddle in meddled:
            meddle(harbor, cluster)
        harbor.close()
    assert set(meddled.values()) <= set(here.planned())
    here.applied()
    assert here.planned() == []


def test_an_image_that_the_workstation_has_already_is_pushed_under_its_name(here: Moor) -> None:
    defaults = here.site / "inventory" / "defaults.yaml"
    former = defaults.read_text()
    lines = YAML(typ="safe").load(former)
    lines["data"]["images"]["demo/copy:1.0"] = {"present": "registry.moor.test/demo/sqrt:1.0"}
    YAML(typ="safe").dump(lines, defaults)
    assert here.planned() == ["image:demo/copy:1.0"]
    here.applied("images")
    assert here.planned() == []
    defaults.write_text(former)


def test_a_containerd_that_does_not_come_up_stops_the_roll_out_and_is_put_back(lab: Lab, here: Moor) -> None:
    defaults = here.site / "inventory" / "defaults.yaml"
    former = defaults.read_text()
    lines = YAML(typ="safe").load(former)
    lines["data"]["containerd"] = {"extra": {"grpc": {"address": "/nowhere/at/all.sock", "gid": -5}}, "settle_s": 4}
    YAML(typ="safe").dump(lines, defaults)
    before = {name: lab.exec(name, ["cat", CONTAINERD]) for name in NODES}
    done = here("apply", "containerd", "--yes")
    defaults.write_text(former)
    assert done.returncode == 1
    assert "cp1" in done.stdout
    assert "the former ones are back and it runs; mend what they are made of, then apply again" in done.stdout
    assert "skipped at configure_containerd: stopped: cp1 failed" in done.stdout
    assert "after mending what failed, run the same command again" in done.stdout
    assert {name: lab.exec(name, ["cat", CONTAINERD]) for name in NODES} == before
    assert lab.exec("cp1", ["systemctl", "is-active", "containerd"]).strip() == "active"
    assert here.planned() == []


def test_a_rebooted_registry_host_comes_back_healthy_by_itself(lab: Lab, here: Moor) -> None:
    booted = lab.exec("harbor1", ["cat", "/proc/1/stat"]).split()[21]
    subprocess.run([*lab.ssh_argv("harbor1"), "sudo systemctl reboot"], capture_output=True, check=False, timeout=60)
    assert eventually(lambda: again(lab, "harbor1", booted), 90), "it did not boot again"
    assert eventually(lambda: harbor_health(lab) == "healthy", 180), harbor_health(lab)
    assert here("verify").returncode == 0
    assert here.planned() == []


def again(lab: Lab, name: str, booted: str) -> bool:
    """Return whether a host has another first process than before, and greets."""
    state = next(status.state for status in lab.status() if status.name == name)
    return state == "running" and lab.exec(name, ["cat", "/proc/1/stat"]).split()[21] != booted


def test_a_node_added_later_joins_by_the_same_command(lab: Lab, here: Moor) -> None:
    late = IPv4Address(int(lab.fleet.network[0]) + 34)
    lab.add(Host(name="node4", address=late, suite="trixie", profile="node", role="node"))
    pinned = [line for line in lab.known_hosts.read_text().splitlines() if not line.startswith("node4,")]
    lab.known_hosts.write_text("\n".join(pinned) + "\n")
    hosts = here.site / "inventory" / "hosts.yaml"
    hosts.write_text(f"{hosts.read_text()}\nnode4: {{hostname: {late}, groups: [nodes]}}\n")
    refused = here("apply", "--yes", "--limit", "node4")
    assert refused.returncode == 1
    assert "host key" in refused.stdout
    accepted = here("check", "--accept-new-host-keys")
    assert accepted.returncode == 0, accepted.stdout
    assert "node4" in accepted.stderr
    here.applied()
    done = here("verify")
    assert done.returncode == 0, done.stdout
    assert "node4" in done.stdout
    assert here.planned() == []


def test_hosts_that_do_not_answer_are_told_in_bounded_time_and_the_others_go_on(lab: Lab, here: Moor) -> None:
    silent = {"node2": "timed out", "node3": "does not speak SSH in time"}
    began = time.monotonic()
    with faults.partition(lab, "node2"), faults.hang(lab, "node3"):
        done = here("plan", "--output", "json")
    assert time.monotonic() - began < 60
    assert done.returncode == 1
    hosts = json.loads(done.stdout)["hosts"]
    assert {name: (hosts[name]["reached"], cause in hosts[name]["error"]) for name, cause in silent.items()} == (
        dict.fromkeys(silent, (False, True))
    )
    # nothing is planned on a stranger, so that nobody asks it
    others = [host for name, host in hosts.items() if name not in (*silent, "outsider")]
    assert {(host["reached"], host["error"]) for host in others} == {(True, "")}
    report = json.loads(here("plan", "--output", "json").stdout)
    assert all(host["reached"] for name, host in report["hosts"].items() if name != "outsider")


def test_no_secret_is_anywhere_that_it_does_not_belong(lab: Lab, moor: Moor) -> None:
    for secret in secrets_of(moor):
        assert not [text for text in moor.said if secret in text], "moor printed a secret"
        assert holders(moor.site, secret) <= {".moor/secrets"}
    assert (moor.site / ".moor").stat().st_mode & 0o777 == 0o700
    assert (moor.site / ".moor/pki/ca.key").stat().st_mode & 0o777 == 0o600
    private = "stat -c %a:%U /etc/moor/registry.key /opt/harbor/harbor.yml"
    assert lab.exec("harbor1", ["sh", "-c", private]).split() == ["600:root"] * 2
    for secret in secrets_of(moor):
        for name in ("cp1", "node1", "ws1"):
            said = f"journalctl --no-pager 2>/dev/null | grep -cF -- '{secret}'"
            places = "/etc /root /home /tmp /var/lib/moor /var/log"
            search = f"{said}; grep -rlF -- '{secret}' {places} 2>/dev/null || :"
            assert lab.exec(name, ["sh", "-c", search]).split() == ["0"], name


def holders(folder: Path, secret: str) -> set[str]:
    """Name the directories below ``folder`` with files that hold ``secret``, all of which must be private."""
    found = [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in found)
    return {str(path.parent.relative_to(folder)) for path in found}
