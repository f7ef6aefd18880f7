"""podman and CRI-O: what /etc/containers should hold, as pure functions of the inventory."""

from __future__ import annotations

import tomllib

import pytest
from nornir.core.inventory import Host

from moor.errors import HostError
from moor.resources.service import Service
from moor.tasks.facts import Registry
from moor.tasks.podman.configure import (
    DROP_IN,
    MAIN,
    MIRRORS_DROP_IN,
    crio_resources,
    desired,
    render_registries_conf,
)

REGISTRY = Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11", "port": 8443})
DEBIAN = """\
unqualified-search-registries = ["docker.io"]
[[registry]]
location = "registry.moor.test:8443"
insecure = true
"""


@pytest.mark.parametrize("main", ["", "# nothing\n", DEBIAN])
def test_images_come_from_the_registry_itself_and_its_certificate_is_checked(main: str) -> None:
    once = render_registries_conf("", main, REGISTRY)
    (entry,) = tomllib.loads(once)["registry"]
    name = "registry.moor.test:8443"
    assert entry == {"prefix": name, "location": name, "insecure": False, "blocked": False}
    assert render_registries_conf(once, main, REGISTRY) == once


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ("[registries.search]\nregistries = ['docker.io']\n", "is format version 1"),
        ("[[registry", "not TOML"),
    ],
)
def test_a_registries_conf_that_allows_no_drop_in_is_refused(main: str, words: str) -> None:
    with pytest.raises(HostError, match=words) as caught:
        render_registries_conf("", main, REGISTRY)
    assert MAIN in str(caught.value)


def test_a_host_without_the_section_is_left_alone() -> None:
    assert desired(Host(name="node1", data={"registry": REGISTRY})) == []


def test_crio_is_reloaded_for_its_list_of_registries_and_not_for_a_new_ca() -> None:
    *_, service = crio_resources(None, REGISTRY, "PEM", 30)
    assert isinstance(service, Service)
    assert (service.name, service.newer_than, service.reload) == ("crio", (DROP_IN, MIRRORS_DROP_IN), True)
    assert 'systemctl reload-or-restart "$u"' in service.mend({"running": "yes", "enabled": "yes", "stale": "older"})
