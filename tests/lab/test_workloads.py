"""Somebody's application on the lab's cluster: applied, proved, changed by hand, mended, pruned, removed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.resources.apps_v1 import DaemonSet, StatefulSet
from lightkube.resources.core_v1 import Namespace

from tests.harness.waiting import eventually
from tests.lab.conftest import Moored
from tests.lab.drifting import drifted

pytestmark = pytest.mark.lab

DEFAULTS = "inventory/defaults.yaml"
WORKLOAD = """\
  workloads:
    app:
      namespace: app
      manifests: {manifests}
      rewrite_images: {{docker.io/acme: demo}}
      robot: puller
      prune: true
      wait_s: 120
"""
POD = """\
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 1
      restartPolicy: {restart}
      containers:
        - {{name: main, image: "acme/sqrt:1.0", args: [-c, {code}]}}
"""
STAYS, ENDS = '"import time; time.sleep(86400)"', '"pass"'


def pod(name: str, code: str = STAYS, restart: str = "Always") -> str:
    return POD.format(name=name, code=code, restart=restart)


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


FILES = {
    "db.yaml": f"""\
apiVersion: v1
kind: Service
metadata: {{name: db}}
spec: {{clusterIP: None, selector: {{app: db}}, ports: [{{port: 5432}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db}}
spec:
  replicas: 2
  serviceName: db
  selector: {{matchLabels: {{app: db}}}}
  template:
{pod("db")}""",
    "agent.yaml": f"""\
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: agent}}
spec:
  selector: {{matchLabels: {{app: agent}}}}
  template:
{pod("agent")}""",
    "jobs.yaml": f"""\
apiVersion: batch/v1
kind: Job
metadata: {{name: init}}
spec:
  template:
{pod("init", ENDS, "Never")}---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: report}}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec:
      template:
{indented(pod("report", ENDS, "Never"))}""",
}
# Stands in for kustomize where neither that nor kubectl is installed: prints the resources.
KUSTOMIZE = '#!/bin/sh\nfor file in "$2"/[a-j]*.yaml; do cat "$file"; echo ---; done\n'


@pytest.fixture
def cluster(moored: Moored) -> Iterator[Client]:
    config = KubeConfig.from_file(moored.lab.directory / "kubeconfig").get()
    with Client(config, trust_env=False, namespace="app", field_manager="kubectl-edit") as client:
        yield client


@pytest.fixture
def app(moored: Moored, cluster: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the folder of an application that the site has as a workload; nothing of it is left afterwards."""
    if not shutil.which("kustomize") and not shutil.which("kubectl"):
        (tmp_path / "kustomize").write_text(KUSTOMIZE)
        (tmp_path / "kustomize").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    defaults, folder = moored.moor.site / DEFAULTS, moored.moor.site / "app"
    kept = defaults.read_text()
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    write_kustomization(folder)
    written(moored, kept, "app")
    yield folder
    written(moored, kept, "[]")
    moored.moor.applied("workload")
    assert not list(cluster.list(StatefulSet))
    defaults.write_text(kept)
    cluster.delete(Namespace, "app")
    assert eventually(lambda: is_gone(cluster), 60)


def written(moored: Moored, kept: str, manifests: str) -> None:
    text = WORKLOAD.format(manifests=manifests)
    before, mark, after = kept.partition("  workloads: # what runs from the registry\n")
    assert mark
    (moored.moor.site / DEFAULTS).write_text(before + text + after)


def write_kustomization(folder: Path) -> None:
    names = sorted(path.name for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")
    (folder / "kustomization.yaml").write_text(f"resources: [{', '.join(names)}]\n")


def is_gone(cluster: Client) -> bool:
    try:
        cluster.get(Namespace, "app")
    except ApiError as error:
        return error.status.code == 404
    return False


def test_an_application_of_somebody_is_brought_watched_mended_and_pruned(
    moored: Moored, cluster: Client, app: Path
) -> None:
    wanted = {
        "namespace:app", "secret:app/registry", "service:app/db", "daemonset:app/agent", "statefulset:app/db",
        "job:app/init", "cronjob:app/report", "rollout:app/daemonset/agent", "rollout:app/statefulset/db",
        "rollout:app/job/init",
    }  # fmt: skip
    assert set(moored.moor.planned("workload")) == wanted
    moored.moor.applied("workload")
    assert moored.moor.planned("workload") == []
    found = cluster.get(StatefulSet, "db")
    assert found.status
    assert found.status.readyReplicas == 2
    proved = moored.moor("verify", "--quiet")
    assert proved.returncode == 0, proved.said

    by_hand = {"spec": {"replicas": 3}}
    cluster.patch(StatefulSet, "db", by_hand)
    drift = drifted(moored, "--limit", "cp1")
    assert ("cp1", "statefulset:app/db") in drift.open
    assert "-  replicas: 3\n+  replicas: 2" in drift.diff("cp1", "statefulset:app/db")
    (app / "agent.yaml").unlink()
    write_kustomization(app)
    plan = moored.moor("plan", "workload").stdout
    assert "daemonset:app/agent: there, and no longer in the manifests -> deleted" in plan
    moored.moor.applied("workload")
    assert not list(cluster.list(DaemonSet))
    assert (cluster.get(StatefulSet, "db").spec or found.spec).replicas == 2
    assert drifted(moored, "--limit", "cp1").code == 0
