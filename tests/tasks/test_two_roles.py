"""A host may be registry, node, workstation and name server at once without conflicting resources."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nornir.core.inventory import Defaults, Group, Host, ParentGroups
from nornir.core.task import MultiResult

from moor.resources.base import Resource
from moor.run.runbook import Runbook
from moor.runbooks import check, site, watch
from moor.settings import SecretRef
from moor.tasks.access import Access
from moor.tasks.facts import Registry
from moor.tasks.firewall.settings import Firewall
from moor.tasks.harbor.install import await_health
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.names import Names as NameSettings
from moor.tasks.pki.settings import Pki
from tests.harness.hosts import MakeFleet
from tests.pki.made import LEAF, brought

ROLES = ("harbor", "control_plane", "nodes", "workstations", "dns")
REMOTE = {"push_images", "deploy_workload", "issue_certificates"}  # they want nothing of the host itself


@pytest.fixture
def data(tmp_path: Path) -> dict[str, object]:
    """Return sections for every concern that writes on hosts."""
    own = brought(LEAF)
    files = {
        "own.crt": own.chain_pem,
        "own.key": own.key_pem,
        "own-ca.crt": own.roots_pem,
        "password": "Adm1nSecret",
    }
    for name, content in files.items():
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(content)
    installer = tmp_path / "harbor-offline-installer-v2.8.3.tgz"
    with tarfile.open(installer, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("harbor/install.sh"), io.BytesIO())
    password = f"file:{tmp_path}/password"
    return {
        "registry": Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11"}),
        "pki": Pki(
            certificate=tmp_path / "own.crt", key=SecretRef(f"file:{tmp_path}/own.key"), ca=tmp_path / "own-ca.crt"
        ),
        "harbor": HarborSettings.model_validate({"installer": installer, "admin_password": password, "wait_s": 1}),
        "access": Access.model_validate({"members": ["10.77.0.0/16"], "managers": ["10.77.0.1"]}),
        "firewall": Firewall(),
        "names": NameSettings.model_validate({"mode": "both"}),
    }


def wanted(host: Host, *books: Runbook) -> Iterator[tuple[str, Resource]]:
    for stage in (stage for book in books for stage in book.stages):
        if stage.runs_on(host) and stage.desired and stage.name not in REMOTE:
            yield from ((stage.name, resource) for resource in stage.desired(host))


def test_a_host_of_all_roles_has_each_resource_once_and_each_file_with_one_content(data: dict[str, object]) -> None:
    groups = ParentGroups([Group(name) for name in ROLES])
    host = Host("one", hostname="10.77.0.11", groups=groups, data=data, defaults=Defaults())
    resources: dict[str, Resource] = {}
    for stage, resource in wanted(host, check.RUNBOOK, site.RUNBOOK, watch.RUNBOOK):
        assert resources.setdefault(resource.id, resource) == resource, f"{stage} wants {resource.id} in another way"
    known = {identity.partition(":")[0] for identity in resources}
    assert {"service", "edit", "file", "archive", "firewall", "requirement", "probe"} <= known
    written = [path for resource in resources.values() for path in getattr(resource, "writes", ())]
    assert len(written) == len(set(written))


def test_each_role_has_the_same_resources_as_alone(data: dict[str, object]) -> None:
    def ids(*roles: str) -> set[str]:
        groups = ParentGroups([Group(name) for name in roles])
        host = Host("one", hostname="10.77.0.11", groups=groups, data=data, defaults=Defaults())
        return {resource.id for _, resource in wanted(host, site.RUNBOOK)}

    assert ids(*ROLES) == set[str]().union(*(ids(role) for role in ROLES))


@pytest.mark.parametrize(("group", "failed"), [("nodes", False), ("harbor", True)])
def test_after_containerds_restart_harbor_must_be_healthy_on_its_host(
    fleet: MakeFleet, data: dict[str, object], group: str, failed: bool
) -> None:
    assert [stage.rolling.health for stage in site.RUNBOOK.stages if stage.name == "configure_containerd"] == [
        await_health
    ]
    nr = fleet().filter(name="alpha")
    host = nr.inventory.hosts["alpha"]
    host.groups = ParentGroups([Group(group)])
    nobody = Registry.model_construct(name="registry.moor.test", address="127.0.0.1", port=9, aliases=())
    host.data = {**host.data, **data, "registry": nobody}
    result: MultiResult = nr.run(task=await_health)["alpha"]
    assert result.failed is failed
    if failed:
        assert "not healthy after 1 s" in str(result[0].exception)
