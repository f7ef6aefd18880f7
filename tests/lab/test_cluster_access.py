"""A user of the cluster who may do little, and a node that has another name and address there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from moor_lab.kubernetes import make_access
from tests.lab.conftest import Moored
from tests.lab.drifting import drifted

pytestmark = pytest.mark.lab

RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture
def restored(moored: Moored) -> Iterator[Moored]:
    """Put the site's files back."""
    kept = {path: path.read_text() for path in (moored.moor.site / "inventory").iterdir()}
    yield moored
    for path, content in kept.items():
        path.write_text(content)


@pytest.fixture
def administrator(moored: Moored) -> Iterator[httpx.Client]:
    tree = json.loads((moored.lab.directory / "kubeconfig").read_text())
    access = make_access(moored.lab.directory / "kubernetes", "cp1", str(moored.lab.fleet.hosts["cp1"].address))
    trusted = httpx.create_ssl_context()
    trusted.load_verify_locations(cadata=access.authority)
    headers = {"Authorization": f"Bearer {access.admin_token}"}
    with httpx.Client(base_url=tree["clusters"][0]["cluster"]["server"], verify=trusted, headers=headers) as client:
        yield client


def granted(client: httpx.Client, trees: list[dict[str, Any]]) -> list[str]:
    """Apply Roles and bindings; gives their paths."""
    made = []
    for tree in trees:
        namespace = tree["metadata"].get("namespace")
        place = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
        path = f"{place}/{tree['kind'].lower()}s"
        assert client.post(path, json=tree).status_code == 201
        made.append(f"{path}/{tree['metadata']['name']}")
    return made


def test_check_names_the_rights_that_are_missing_and_with_them_all_commands_work(
    restored: Moored, administrator: httpx.Client, tmp_path: Path
) -> None:
    moor, defaults = restored.moor, restored.moor.site / "inventory/defaults.yaml"
    own = restored.lab.directory / "kubeconfig"
    tree = json.loads(own.read_text())
    tree["users"][0]["user"]["as"] = "ops"  # an administrator who acts as somebody who may do nothing
    limited = tmp_path / "kubeconfig"
    limited.write_text(json.dumps(tree))
    defaults.write_text(defaults.read_text().replace(str(own), str(limited)))

    checked = moor("check")
    assert checked.returncode == 1
    assert "may not create secrets in namespace demo, which moor apply needs" in checked.stdout
    lacking = "moor verify examines less: the user of the kubeconfig may not list nodes in the whole cluster"
    assert lacking in checked.stdout
    rights = moor.site / ".moor/rights.yaml"
    assert f"kubectl apply -f {rights}" in checked.stdout

    seen = moor("diagnose", "--limit", "node2")
    assert seen.returncode == 1, seen.stdout
    assert "FAULT" not in seen.stdout
    assert 'node2: pod: not examined: list Pod: the cluster says 403: pods is forbidden: User "ops"' in seen.stdout

    made = granted(administrator, list(yaml.safe_load_all(rights.read_text())))
    try:
        for words in (["check"], ["plan", "workload"], ["diagnose", "--limit", "nodes"]):
            done = moor(*words)
            assert done.returncode == 0, done.stdout
        assert administrator.delete(made[0]).status_code == 200  # the ClusterRole: nodes may not be read any longer
        without_nodes = moor("diagnose", "--limit", "node2")
        assert without_nodes.returncode == 0, without_nodes.stdout
        assert "? node2: node: not examined: list Node: the cluster says 403" in without_nodes.stdout
    finally:
        for path in made:
            administrator.delete(path)


def test_a_node_of_another_name_and_address_is_one_machine(restored: Moored) -> None:
    lab, moor, inventory = restored.lab, restored.moor, restored.moor.site / "inventory"
    address = str(lab.fleet.hosts["node3"].address)
    mapped = f"::ffff:{address}"  # leads to the same host, and is not what the cluster calls its InternalIP
    hosts, defaults, known = inventory / "hosts.yaml", inventory / "defaults.yaml", moor.site / "known_hosts"
    lines = lab.known_hosts.read_text()
    known.write_text(re.sub(rf"{re.escape(address)}(?= )", f"{address},{mapped}", lines))
    defaults.write_text(defaults.read_text().replace(str(lab.known_hosts), str(known)))
    text = re.sub(r"^node3:", "worker3:", hosts.read_text(), flags=re.MULTILINE)
    hosts.write_text(re.sub(rf"{re.escape(address)}\b", f'"{mapped}"', text))

    listed = moor("hosts")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert not [line for line in listed.stdout.splitlines() if line.startswith("node3")]
    refused = moor("onboard", "node3", "--yes")
    assert refused.returncode == 1
    assert "node3: it is in the inventory already, as worker3" in refused.stdout + refused.stderr
    assert not [finding for _, finding in drifted(restored).open if finding.startswith(("node:", "member:"))]
    proved = moor("diagnose", "--limit", "worker3")
    assert "no node with the name or address" not in proved.stdout


def test_a_registry_is_built_before_its_cluster(restored: Moored) -> None:
    moor, kubeconfig = restored.moor, restored.lab.directory / "kubeconfig"
    kept = kubeconfig.read_bytes()
    restored.lab.exec("node2", ["rm", "-r", "/etc/containerd/certs.d"])
    kubeconfig.unlink()
    try:
        assert [name for name in moor.planned() if "/etc/containerd/certs.d" in name]
        applied = moor("apply", "--yes")
        report = json.loads(moor("plan", "--output", "json").stdout)
    finally:
        kubeconfig.write_bytes(kept)
        kubeconfig.chmod(0o600)
    sentence = f"data.cluster.kubeconfig: {kubeconfig}: no such file; copy the cluster's own to it"
    assert applied.returncode == 1
    assert applied.stdout.count(sentence) == 1, applied.stdout
    assert f"1 of {len(report['hosts'])} hosts failed" in applied.stdout
    assert {name: host["error"] for name, host in report["hosts"].items() if host["error"]}.keys() == {"cp1"}
    assert [r["id"] for host in report["hosts"].values() for r in host["resources"] if r["status"] != "ok"] == []
    assert moor.planned() == []
