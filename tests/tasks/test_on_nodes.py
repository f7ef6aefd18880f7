"""The resources of names, trust, containerd and Docker, as pure functions of the inventory."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from nornir.core.inventory import Host

from moor.errors import InputError
from moor.pki.authority import CertificateNames, make_authority
from moor.resources.file import File
from moor.resources.service import Service
from moor.settings import SecretRef
from moor.tasks import trust
from moor.tasks.containerd import configure as containerd
from moor.tasks.containerd.settings import ContainerdSettings
from moor.tasks.docker import install as docker
from moor.tasks.docker.settings import DockerSettings
from moor.tasks.facts import Registry
from moor.tasks.names import Names as NameSettings
from moor.tasks.names import hosts, names_for
from moor.tasks.pki.settings import Pki
from moor.tasks.podman import configure as podman
from moor.tasks.podman.settings import PodmanSettings

PEM = make_authority(CertificateNames(("registry.moor.test",)), 30, datetime(2026, 1, 1, tzinfo=UTC)).pem


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_text(PEM)
    return tmp_path / "ca.crt"


def host(ca: Path, port: int = 443, **sections: object) -> Host:
    """Return a host that trusts somebody else's CA, so that nothing has to be made."""
    registry = {"name": "registry.moor.test", "address": "10.77.0.11", "port": port, "aliases": ["images"]}
    pki = Pki(certificate=ca, key=SecretRef(f"file:{ca}"), ca=ca)
    return Host(name="node1", data={"registry": Registry.model_validate(registry), "pki": pki, **sections})


def test_the_registry_resolves_by_all_of_its_names(ca: Path) -> None:
    found = {name: " ".join(map(str, addresses)) for name, addresses in names_for(host(ca)).items()}
    assert found == dict.fromkeys(("registry.moor.test", "registry", "images"), "10.77.0.11")


def test_a_further_name_that_is_the_registrys_is_bad_input(ca: Path) -> None:
    twice = NameSettings.model_validate({"hosts": {"images": "10.0.0.1"}})
    with pytest.raises(InputError, match=r"node1: data\.names\.hosts has images, which is the registry's"):
        hosts.desired(host(ca, names=twice))


@pytest.mark.parametrize("module", [hosts, trust, containerd, docker])
def test_every_resource_has_an_id_of_its_own(ca: Path, module: object) -> None:
    ids = [resource.id for resource in module.desired(host(ca, 8443))]  # type: ignore[attr-defined]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("port", "place"), [(443, "registry.moor.test"), (8443, "registry.moor.test:8443")])
def test_a_port_is_part_of_the_registrys_directory(ca: Path, port: int, place: str) -> None:
    for module, above in ((containerd, "/etc/containerd/certs.d"), (docker, "/etc/docker/certs.d")):
        wanted = {r.id: r for r in module.desired(host(ca, port))}
        file = wanted[f"file:{above}/{place}/ca.crt"]
        assert isinstance(file, File)
        assert file.content == PEM


def test_an_older_spelling_of_the_directory_that_containerd_prefers_is_removed(ca: Path) -> None:
    ids = [resource.id for resource in containerd.desired(host(ca, 8443))]
    assert "hiding:/etc/containerd/certs.d/registry.moor.test_8443_" in ids


def test_containerd_is_restarted_only_for_its_own_configuration(ca: Path) -> None:
    (service,) = (r for r in containerd.desired(host(ca)) if isinstance(r, Service))
    assert service.newer_than == ("/etc/containerd/config.toml",)
    assert service.put_back


def test_daemon_json_is_touched_only_where_settings_ask_for_it(ca: Path) -> None:
    without = docker.desired(host(ca))
    asked = docker.desired(host(ca, docker=DockerSettings(daemon={"live-restore": True})))
    assert [r.id for r in without if "daemon" in r.id] == []
    assert [r.id for r in asked if "daemon" in r.id] == ["edit:/etc/docker/daemon.json#settings"]


def test_a_system_that_comes_with_its_runtime_gets_no_package(ca: Path) -> None:
    found = [*docker.desired(host(ca, docker=DockerSettings(packages=())))]
    found += podman.desired(host(ca, podman=PodmanSettings(packages=())))
    assert [r.id for r in found if r.id.startswith("package:")] == []
    assert [r.id for r in podman.desired(host(ca, podman=PodmanSettings()))] == [
        "package:podman",
        "requirement:registries-conf",
        "file:/etc/containers/certs.d/registry.moor.test/ca.crt",
        "ca-alone:/etc/containers/certs.d/registry.moor.test",
        "edit:/etc/containers/registries.conf.d/99-moor-registry.conf#registry",
    ]


def test_a_node_of_crio_is_left_without_containerds_files(ca: Path) -> None:
    ids = [r.id for r in containerd.desired(host(ca, containerd=ContainerdSettings(runtime="crio")))]
    assert ids[-1] == "service:crio"
    assert not any("/etc/containerd" in one for one in ids)
