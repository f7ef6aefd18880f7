"""The certificates inside of Harbor are known by its settings, each with its own way to be renewed."""

from __future__ import annotations

from moor.tasks.expiry.inner_certificates import inner_places
from moor.tasks.harbor.settings import HarborSettings


def harbor(**options: object) -> HarborSettings:
    return HarborSettings.model_validate(
        {"installer": "harbor-offline-installer-v2.8.3.tgz", "admin_password": "env:ADMIN", "options": options}
    )


def test_the_key_of_tokens_and_the_cas_of_other_registries_are_always_watched() -> None:
    places = inner_places(harbor())
    assert set(places) == {"/data/secret/registry/root.crt", "/opt/harbor/common/config/shared/trust-certificates"}
    assert "/data/secret/core/private_key.pem" in places["/data/secret/registry/root.crt"]


def test_what_the_options_name_is_watched_too() -> None:
    s3 = {"bucket": "b", "region": "r", "accesskey": "env:A", "secretkey": "env:B"}
    places = inner_places(
        harbor(
            internal_tls={"enabled": True, "dir": "/srv/tls"},
            storage_service={"ca_bundle": "/etc/ssl/s3-ca.crt", "s3": s3},
            uaa={"ca_file": "/etc/ssl/uaa.crt"},
        )
    )
    assert {"/srv/tls", "/etc/ssl/s3-ca.crt", "/etc/ssl/uaa.crt"} <= set(places)
    assert "gencert" in places["/srv/tls"]
    assert "the object storage" in places["/etc/ssl/s3-ca.crt"]


def test_internal_tls_that_is_off_has_no_certificates() -> None:
    assert not [place for place in inner_places(harbor(internal_tls={"enabled": False})) if "tls" in place]
