"""A site whose only host is a cluster that is reached by its API: the stand-in, served over TLS."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nornir.core.task import MultiResult

from moor.context import change_context
from moor.sites.site import open_site
from moor.tasks.workload.deploy import deploy_workload
from tests.harness.sites import write_site
from tests.kubernetes.conftest import Clock, Fleet
from tests.kubernetes.served import Api
from tests.tasks.clusters import ClusterRun

REGISTRY = "registry.test"
DATA: Mapping[str, Any] = {
    "registry": {"name": REGISTRY, "address": "192.0.2.5", "api": "distribution"},
    "logins": {"puller": {"user": "puller", "password": "file:secrets/puller"}},
}

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {level: debug}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: registry.test/demo/web:1}]}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""


@contextmanager
def controllers(api: Api) -> Iterator[Fleet]:
    """Run the stand-in's controllers, with two simulated nodes, beside the block."""
    fleet, done = Fleet(api.cluster, Clock(datetime.now(UTC))), threading.Event()
    for name in ("n1", "n2"):
        fleet.add_node(name)

    def work() -> None:
        while not done.wait(0.02):
            fleet.settle()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield fleet
    finally:
        done.set()
        thread.join()


class Shop:
    """The site, and what its command does."""

    def __init__(self, folder: Path, api: Api) -> None:
        self.folder, self.api = folder, api

    def write(self, workload: Mapping[str, Any], **files: str) -> Shop:
        """Write the site with one workload ``web`` in namespace ``demo``, and files below ``apps``."""
        data = {
            **DATA,
            "cluster": {"kubeconfig": str(self.api.kubeconfig)},
            "workloads": {"web": {"namespace": "demo", "wait_s": 2, **workload}},
        }
        write_site(
            self.folder,
            {
                "inventory/hosts.yaml": {"shop": {"groups": ["clusters"]}},
                "inventory/groups.yaml": {"clusters": {}},
                "inventory/defaults.yaml": {"data": data},
                **{f"apps/{name.replace('__', '/').replace('_', '.')}": text for name, text in files.items()},
            },
            {"secrets/puller": "pull-me-please\n"},
        )
        return self

    def run(self, plan: bool = False, examining: bool = False) -> ClusterRun:
        return ClusterRun(self.results(plan, examining))

    def results(self, plan: bool = False, examining: bool = False) -> MultiResult:
        nr = open_site(self.folder, dry_run=plan)
        change_context(nr, examining=examining)
        try:
            return nr.run(task=deploy_workload)["shop"]
        finally:
            nr.close_connections(on_failed=True)
