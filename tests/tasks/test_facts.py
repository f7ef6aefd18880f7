"""The registry's name and address must be valid in certificates and image references."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from moor.tasks.facts import Registry


def registry(**given: object) -> Registry:
    return Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11", **given})


def test_the_registry_is_named_as_image_references_name_it() -> None:
    assert (registry().host_port, registry().url) == ("registry.moor.test", "https://registry.moor.test")
    other = registry(port=8443)
    assert (other.host_port, other.url) == ("registry.moor.test:8443", "https://registry.moor.test:8443")


def test_every_name_is_listed_once_the_full_one_first() -> None:
    found = registry(aliases=["registry", "hub.moor.test"]).names
    assert found == ("registry.moor.test", "registry", "hub.moor.test")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("reg.mydomain.com", "the name of an example; write the registry's own name"),
        ("registry", "not a full name; write one with a domain, such as registry.your-domain"),
        ("10.77.0.11", "an address; write the registry's name"),
        ("fd00::1", "an address; write the registry's name"),
        ("Registry.Moor.Test", "not a host name: lower-case letters, digits and hyphens"),
        ("registry.moor.test:443", "an address"),
        ("https://registry.moor.test", "an address"),
        ("my_registry.moor.test", "not a host name"),
        ("-a.moor.test", "not a host name"),
        ("a..b", "not a host name"),
        ("a" * 64 + ".test", "not a host name"),
        ("", "not a host name"),
    ],
)
def test_an_unusable_name_is_refused(name: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        registry(name=name)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0", "224.0.0.1"])  # noqa: S104  (refused, not bound)
def test_an_address_that_others_cannot_reach_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="other hosts cannot reach"):
        registry(address=address)


def test_of_two_addresses_the_second_is_of_the_other_family() -> None:
    assert [str(one) for one in registry(address6="fd00::11").addresses] == ["10.77.0.11", "fd00::11"]
    with pytest.raises(ValidationError, match="write the IPv4 one there, or leave address6 out"):
        registry(address="fd00::11", address6="fd00::12")
    for wrong in ("::1", "fe80::1"):
        with pytest.raises(ValidationError, match="other hosts cannot reach"):
            registry(address6=wrong)


@pytest.mark.parametrize("changed", [{"address": "registry"}, {"port": 0}, {"aliases": ["A b"]}])
def test_other_invalid_settings_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        registry(**changed)
