"""A verify that has nothing to prove is no success."""

from __future__ import annotations

from pathlib import Path

from tests.harness.harbor import harbor_site
from tests.kubernetes.served import Api


def test_a_cluster_without_workloads_proves_nothing_and_that_is_said(tmp_path: Path, api: Api) -> None:
    (tmp_path / "harbor").mkdir()
    with harbor_site(tmp_path / "harbor") as site:
        site.hosts = {"cloud": "clusters"}
        site.write(cluster={"kubeconfig": str(api.kubeconfig)})
        done = site("verify", code=1)
    assert "moor: nothing was proved: no host of this run has a proof" in done.stderr
