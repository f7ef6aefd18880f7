"""prepare: what harbor.yml must say, and what is made of it."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from moor_lab.harbor.images import HERE, installer_files
from moor_lab.harbor.prepare.__main__ import keep_keys
from moor_lab.harbor.prepare.files import internal_secrets, render
from moor_lab.harbor.prepare.settings import Refused, Settings, read_settings

RELEASE_KEYS = Path(__file__).parents[1] / "recordings" / "harbor" / "keys-v2.8.3.txt"
GOOD = {
    "hostname": "registry.moor.test",
    "https": {"port": 443, "certificate": "/c.crt", "private_key": "/c.key"},
    "data_volume": "/data",
}


def settings(**changes: object) -> Settings:
    return read_settings(GOOD | changes)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "reg.mydomain.com", "", None])
def test_a_name_that_no_client_can_use_is_refused(name: str | None) -> None:
    with pytest.raises(Refused, match="hostname"):
        settings(hostname=name)


@pytest.mark.parametrize("missing", ["certificate", "private_key"])
def test_https_without_certificate_or_key_is_refused(missing: str) -> None:
    https = {name: value for name, value in {"certificate": "/c", "private_key": "/k"}.items() if name != missing}
    with pytest.raises(Refused, match="ssl_cert"):
        settings(https=https)


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "https://registry.moor.test"),
        ({"https": {"port": 8443, "certificate": "/c", "private_key": "/k"}}, "https://registry.moor.test:8443"),
        ({"https": None}, "http://registry.moor.test"),
        ({"https": None, "http": {"port": 8080}}, "http://registry.moor.test:8080"),
        ({"external_url": "https://other.test"}, "https://other.test"),
    ],
)
def test_the_address_that_clients_use_follows_from_harbor_yml(changes: dict[str, object], url: str) -> None:
    assert settings(**changes).external_url == url


@pytest.mark.parametrize("changes", [{}, {"https": None}])
def test_compose_holds_harbors_services_and_their_logs_go_to_the_log_service(changes: dict[str, object]) -> None:
    compose = YAML(typ="safe").load(render(settings(**changes), internal_secrets())["docker-compose.yml"])
    services = compose["services"]
    assert set(services) == {
        *("core", "jobservice", "log", "portal", "postgresql", "proxy", "redis", "registry", "registryctl")
    }
    for name, service in services.items():
        assert service["restart"] == "always"
        assert "healthcheck" in service
        assert ("logging" in service) == (name != "log")
        assert service["image"].endswith("-moor-standin")
    assert services["log"]["ports"] == ["127.0.0.1:1514:10514"]
    assert services["proxy"]["ports"] == (["80:8080", "443:8443"] if not changes else ["80:8080"])
    assert services["proxy"]["container_name"] == "nginx"


def test_a_container_counts_as_unhealthy_as_soon_as_one_of_harbors() -> None:
    compose = YAML(typ="safe").load(render(settings(), internal_secrets())["docker-compose.yml"])
    checks = [service["healthcheck"] for service in compose["services"].values()]
    docker_default_s = 3 * 30  # Harbor's images name neither retries nor an interval
    assert {int(one["interval"].removesuffix("s")) * one["retries"] for one in checks} == {docker_default_s}


def test_two_runs_of_prepare_write_other_secrets() -> None:
    first, second = (render(settings(), internal_secrets()) for _ in range(2))
    assert first["common/config/core/env"] != second["common/config/core/env"]
    assert first["docker-compose.yml"] == second["docker-compose.yml"]


def test_what_is_stored_with_a_key_can_be_read_after_another_run(tmp_path: Path) -> None:
    keep_keys(tmp_path)
    paths = ("secret/keys/secretkey", "secret/core/private_key.pem", "secret/registry/root.crt")
    first = [(tmp_path / path).read_bytes() for path in paths]
    keep_keys(tmp_path)
    assert [(tmp_path / path).read_bytes() for path in paths] == first
    assert len(first[0]) == 16


def test_the_installer_names_itself_a_stand_in_wherever_it_is_read() -> None:
    files = installer_files()
    assert set(files) == {"LICENSE", "common.sh", "harbor.yml.tmpl", "install.sh", "prepare"}
    assert "stand-in" in files["LICENSE"]
    assert "stand-in" in files["install.sh"]
    assert "goharbor/prepare:v2.8.3-moor-standin" in files["prepare"]


def test_the_template_has_the_keys_of_the_release() -> None:
    ours = YAML(typ="safe").load((HERE / "installer/harbor.yml.tmpl").read_text())
    assert keys(ours) == set(RELEASE_KEYS.read_text().split())


def keys(document: object, prefix: str = "") -> set[str]:
    if not isinstance(document, dict):
        return {prefix}
    return {path for name, value in document.items() for path in keys(value, f"{prefix}/{name}")}
