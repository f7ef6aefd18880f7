"""A robot's login is replaced on a fleet that pulls by its pull secret all the while, killed on the way."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, ServiceAccount
from lightkube.resources.core_v1 import Secret as KubeSecret

from moor.connections.apis.harbor import Harbor
from tests.harness.sites import DEFAULTS
from tests.harness.waiting import after, until
from tests.lab.conftest import Moored
from tests.lab.diagnosing import address
from tests.lab.drifting import drifted

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

PULLING = ("node1", "node2")
IMAGE = "registry.moor.test/demo/sqrt:1.0"
# As kubelet does, each pull reads the pull secret first, by the node's own login to the API; nothing is left of a pull.
LOOP = f"""\
import base64, json, pathlib, subprocess
from standin.agent.client import Client

place = pathlib.Path("/opt/moor-lab/kubelet")
config = json.loads((place / "config.json").read_text())
client = Client(config["server"], config["token"], place / "ca.crt")
end, told = pathlib.Path("/run/pulls.end"), pathlib.Path("/run/pulls").open("w", buffering=1)
pull = ["ctr", "-n", "rotation", "images", "pull", "--hosts-dir", "/etc/containerd/certs.d"]
for _ in range(3000):
    if end.exists():
        break
    found = client.request("GET", "/api/v1/namespaces/late/secrets/registry")
    auths = json.loads(base64.b64decode(found["data"][".dockerconfigjson"]))["auths"]
    login = base64.b64decode(auths["registry.moor.test"]["auth"]).decode()
    done = subprocess.run([*pull, "--user", login, "{IMAGE}"], capture_output=True, text=True)
    last = (done.stdout + done.stderr).replace(login, "LOGIN").strip().splitlines()[-1:]
    print(f"pulled by {{login.partition(':')[0]}}" if done.returncode == 0 else last, file=told)
    subprocess.run(["ctr", "-n", "rotation", "images", "rm", "--sync", "{IMAGE}"], capture_output=True)
subprocess.run(["ctr", "namespaces", "rm", "rotation"], capture_output=True)
print("ended", file=told)
"""


@contextmanager
def pulls(moored: Moored, told: dict[str, int]) -> Iterator[None]:
    """Have nodes pull without a pause; ``told`` gets what they said, and how often."""
    for name in PULLING:
        moored.lab.exec(name, ["sh", "-c", "rm -f /run/pulls.end /run/pulls; cat >/run/pulls.py"], stdin=LOOP)
        start = ["systemd-run", "--quiet", "--setenv=PYTHONPATH=/opt/moor-lab", "python3", "/run/pulls.py"]
        moored.lab.exec(name, start)
    try:
        yield
    finally:
        for name in PULLING:
            moored.lab.exec(name, ["touch", "/run/pulls.end"])
    for name in PULLING:
        wait = "for i in $(seq 300); do grep -qx ended /run/pulls && break; sleep 0.2; done; sort /run/pulls | uniq -c"
        for line in moored.lab.exec(name, ["sh", "-c", wait], timeout_s=90).splitlines():
            count, words = line.split(maxsplit=1)
            told[words] = told.get(words, 0) + int(count)


def login_of(cluster: Client, namespace: str) -> tuple[str, str]:
    found = cluster.get(KubeSecret, "registry", namespace=namespace).data
    assert found
    auths = json.loads(base64.b64decode(found[".dockerconfigjson"]))["auths"]
    user, _, password = base64.b64decode(auths["registry.moor.test"]["auth"]).decode().partition(":")
    return user, password


def killed(moored: Moored, after_s: float, *words: str, begun: str = "") -> None:
    """Kill a command some seconds after its start, or after it has written its first file of a name."""
    argv = [sys.executable, "-m", "moor", *words, "--yes", "--site", str(moored.moor.site)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        if begun:
            until(lambda: list((moored.moor.site / ".moor").rglob(begun)), f"{begun} is there", 90)
        after(after_s)
        process.kill()


def is_taken(moored: Moored, login: tuple[str, str]) -> bool:
    """Return whether the registry takes a login, asked by the controller."""
    trust = ssl.create_default_context(cafile=str(moored.moor.site / ".moor/pki/ca.crt"))
    with closing(Harbor("registry.moor.test", address(moored, "harbor1"), 443, None, trust)) as harbor:
        return harbor.logs_in(*login)


ROBOT = "        mover: {access: [pull], grace_hours: 0}\n"  # one of this test's own, since other tests use the others
ENTRY = """\
  pull_secrets:
    registry: {robot: demo+mover, namespace_selector: {pulls: here}, service_accounts: [default], prune: true}
"""


@contextmanager
def selected_namespace(moored: Moored) -> Iterator[Client]:
    """Have the inventory place a pull secret, and the cluster a new namespace that it is for."""
    defaults = moored.moor.site / DEFAULTS
    before = defaults.read_text()
    defaults.write_text(before.replace("      robots:\n", f"      robots:\n{ROBOT}").rstrip("\n") + f"\n{ENTRY}")
    with closing(Client(KubeConfig.from_file(moored.lab.directory / "kubeconfig"), trust_env=False)) as cluster:
        cluster.create(Namespace(metadata=ObjectMeta(name="late", labels={"pulls": "here"})))
        try:
            until(lambda: list(cluster.list(ServiceAccount, namespace="late")), "the namespace's ServiceAccount")
            yield cluster
        finally:
            cluster.delete(Namespace, "late")
            defaults.write_text(before)


def test_a_login_is_rotated_while_nodes_pull_and_the_former_one_is_refused_afterwards(moored: Moored) -> None:
    moor, told = moored.moor, dict[str, int]()
    with selected_namespace(moored) as cluster:
        moor.applied("registry")
        late = {("cp1", "secret:late/registry"), ("cp1", "serviceaccount:late/default#registry")}
        assert late <= set(drifted(moored, "--runbook", "pull_secrets").open)
        moor.applied("pull_secrets")
        old = login_of(cluster, "late")
        planned = moor("rotate", "robot", "demo+mover", "--plan")
        assert planned.returncode == 2, planned.said
        assert "~ secret:late/registry" in planned.stdout
        with pulls(moored, told):
            for after_s in (1.5, 2.5):
                killed(moored, after_s, "rotate", "robot", "demo+mover")
            killed(moored, 1, "rotate", "robot", "demo+mover", begun="generations.json")
            done = moor("apply", "robot_rotation", "--yes")
            assert done.returncode == 0, done.said
        new = login_of(cluster, "late")
        assert new[0] != old[0]
        assert {words for words in told if not words.startswith("pulled by robot$demo+mover")} == {"ended"}, told
        assert {f"pulled by {old[0]}", f"pulled by {new[0]}"} <= set(told)
        assert (is_taken(moored, old), is_taken(moored, new)) == (False, True)
        found = drifted(moored)
        assert (found.code, found.open) == (0, {})
        assert not [password for _, password in (old, new) for said in moor.said if password in said]
