"""A cluster that nobody logs in to, as a user meets it: checked, planned, applied, proved, by its API alone."""

from __future__ import annotations

import pytest

from moor.errors import InputError
from moor.sites.site import open_site
from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.api.options import Options
from moor_lab.kubernetes.standin.objects import clone, name_of
from tests.harness.commands import moor, moor_here
from tests.harness.sites import GROUPS, HOSTS, write_site
from tests.kubernetes.conftest import Fleet
from tests.kubernetes.served import Api
from tests.tasks.workload.shops import DEPLOYMENT, Shop, controllers


def wait_for_image(fleet: Fleet, message: str) -> None:
    """Have all pods say that their image cannot be pulled."""
    for pod in fleet.pods():
        told = clone(pod)
        waiting = {
            "reason": "ImagePullBackOff",
            "message": f'Back-off pulling image "registry.test/demo/web:1": {message}',
        }
        told["status"] |= {
            "phase": "Pending",
            "containerStatuses": [
                {"name": "web", "image": "registry.test/demo/web:1", "ready": False, "state": {"waiting": waiting}}
            ],
        }
        fleet.cluster.update(kinds.POD, "demo", name_of(pod), told, Options(subresource="status"))


def test_a_cluster_without_hosts_is_checked_applied_and_proved_by_its_api(shop: Shop, api: Api) -> None:
    shop.write({"manifests": "apps", "robot": "puller", "wait_s": 10}, a_yaml=DEPLOYMENT)
    checked = moor(shop.folder, "check")
    assert checked.returncode == 0, checked.said
    assert "shop  reached" in checked.stdout
    with controllers(api) as fleet:
        applied = moor(shop.folder, "apply", "--yes")
        assert applied.returncode == 0, applied.said
        assert "pull-me-please" not in applied.said
        proved = moor(shop.folder, "verify", "--quiet")
        assert (proved.returncode, proved.stdout) == (
            0,
            "host  secret  node  pod\nshop  ok      ok    ok\n",
        )
    wait_for_image(fleet, 'failed to resolve reference "registry.test/demo/web:1": not found')
    faulty = moor(shop.folder, "diagnose", "--quiet")
    assert faulty.returncode == 2
    assert "shop  ok      ok    FAULT" in faulty.stdout
    assert "registry.test/demo/web:1" in faulty.stdout


def test_a_cluster_is_in_no_other_group_and_workloads_need_one_or_a_control_plane(shop: Shop) -> None:
    shop.write({"image": "demo/web:1"})
    write_site(shop.folder, {HOSTS: {"shop": {"groups": ["clusters", "nodes"]}}, GROUPS: {"clusters": {}, "nodes": {}}})
    with pytest.raises(InputError, match=r"group clusters, which is for a cluster that is reached by its API alone"):
        open_site(shop.folder)
    write_site(shop.folder, {HOSTS: {"shop": {"hostname": "192.0.2.9", "groups": ["nodes"]}}})
    refused = moor(shop.folder, "plan", "workload")
    assert refused.returncode == 1
    assert "no host is in group control_plane or clusters, which does this" in refused.stderr


def test_a_proof_without_the_objects_of_a_chart_is_no_proof(
    shop: Shop, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # helm is not installed
    shop.write({"manifests": ["apps/a.yaml"], "wait_s": 10}, a_yaml=DEPLOYMENT)
    with controllers(api):
        assert shop.run().error == ""
    shop.write({"manifests": ["apps/a.yaml", "apps/chart"]}, chart__Chart_yaml="name: x\n")
    proved = moor_here(shop.folder, "verify", "--quiet")
    assert proved.returncode == 1, proved.said
    assert "FAULT" not in proved.stdout
    assert "helm is not installed on this machine" in proved.said
