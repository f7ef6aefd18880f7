"""Harbor's own resources: harbor.yml by meaning, health by component, what makes the prepared files stale."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from moor.engine.plan import plan
from moor.errors import HostError
from moor.resources.base import State
from moor.secrets import Secret
from tasks.harbor import sick_components
from tasks.harbor_parts import Configured, Containers, Prepared, filled
from tasks.unpacked import Unpacked
from tests.shells import SHELLS, sh, text

TEMPLATE = """\
# which name users type
hostname: reg.mydomain.com
https:
  port: 443 # of the proxy
  certificate: /your/certificate/path
harbor_admin_password: Harbor12345
# external_url: https://reg.mydomain.com:8433
log:
  local:
    rotate_count: 50
"""
VALUES = {"hostname": "registry.moor.test", "https.port": 8443, "harbor_admin_password": Secret("Adm1nSecret")}


def probed(template: str, present: str) -> str:
    return f"{len(template.encode())}\n{template}{len(present.encode())}\n{present}"


def planned(values: dict[str, object], present: str) -> list[str]:
    resource = Configured("/opt/harbor/harbor.yml", values)
    return [change.diff for change in plan([resource], {resource.id: resource.actual(probed(TEMPLATE, present))})]


def test_the_template_is_filled_and_keeps_its_comments() -> None:
    text = filled(TEMPLATE, VALUES, "harbor.yml")
    assert "# which name users type\nhostname: registry.moor.test\n" in text
    assert "port: 8443 # of the proxy" in text
    assert "harbor_admin_password: Adm1nSecret" in text
    assert "rotate_count: 50" in text


def test_a_key_that_the_template_has_in_a_comment_is_known() -> None:
    assert "external_url: https://registry.moor.test" in filled(
        TEMPLATE, {"external_url": "https://registry.moor.test"}, "x"
    )


def test_every_unknown_key_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(HostError, match=r"hostnam: .*did you mean hostname\?\n.*log.local.rotate_cont: .*rotate_count"):
        filled(TEMPLATE, {"hostnam": "x", "log.local.rotate_cont": 3}, "harbor.yml")


def test_what_was_filled_is_not_planned_again() -> None:
    assert planned(VALUES, filled(TEMPLATE, VALUES, "x")) == []


def test_another_order_and_other_comments_are_no_drift() -> None:
    present = "harbor_admin_password: Adm1nSecret\nhttps: {port: 8443}\nhostname: registry.moor.test\n"
    assert planned(VALUES, present) == []


def test_a_changed_value_is_planned_by_its_key() -> None:
    present = filled(TEMPLATE, VALUES, "x").replace("registry.moor.test", "old.moor.test")
    assert planned(VALUES, present) == ["hostname: old.moor.test -> registry.moor.test"]


def test_a_changed_password_is_planned_and_not_shown() -> None:
    present = filled(TEMPLATE, {**VALUES, "harbor_admin_password": Secret("0therSecret")}, "x")
    assert planned(VALUES, present) == ["harbor_admin_password: *** -> ***"]


@given(
    st.dictionaries(st.sampled_from(["hostname", "https.certificate", "log.local.rotate_count"]), st.text(min_size=1))
)
def test_any_value_survives_the_template(values: dict[str, str]) -> None:
    tree = YAML(typ="safe").load(filled(TEMPLATE, values, "x"))
    for key, value in values.items():
        node = tree
        for part in key.split("."):
            node = node[part]
        assert node == value


def health(status: str, **components: str) -> bytes:
    parts = [{"name": name, "status": word} for name, word in components.items()]
    return json.dumps({"status": status, "components": parts}).encode()


@pytest.mark.parametrize(
    ("code", "body", "sick"),
    [
        (200, health("healthy", core="healthy", redis="healthy"), {}),
        (200, health("unhealthy", core="healthy", jobservice="unhealthy"), {"jobservice": "unhealthy"}),
        (200, b"<html>", {"api": "answered 200 without a health report"}),
        (502, b"", {"api": "answered 502 without a health report"}),
        (200, b'{"status": "healthy"}', {"api": "answered 200 without a health report"}),
    ],
)
def test_health_is_what_harbor_says_of_each_component(code: int, body: bytes, sick: dict[str, str]) -> None:
    assert sick_components(code, body) == sick


PREPARED = Prepared("/opt/harbor", ("--with-trivy",), newer_than=("/opt/harbor/harbor.yml",))


@pytest.mark.parametrize(
    ("state", "script"),
    [
        (None, "./install.sh --with-trivy"),
        ({"flags": "--with-trivy", "stale": "older than x"}, "./prepare --with-trivy"),
    ],
)
def test_the_installer_runs_once_and_prepare_from_then_on(state: State | None, script: str) -> None:
    assert script in PREPARED.mend(state)


def test_what_was_prepared_is_stale_once_its_harbor_yml_is_planned() -> None:
    config = Configured("/opt/harbor/harbor.yml", {"hostname": "new"})
    states = {config.id: {"hostname": "old", "template": ""}, PREPARED.id: {"flags": "--with-trivy", "stale": "no"}}
    assert [change.id for change in plan([config, PREPARED], states)] == [config.id, PREPARED.id]


def test_a_stopped_container_is_planned_and_so_is_one_that_is_missing() -> None:
    containers = Containers("/opt/harbor")
    state = containers.actual("core absent\nredis absent\nproxy absent\ncore running\nredis exited\n")
    (change,) = plan([containers], {containers.id: state})
    assert change.diff.splitlines() == ["redis: exited -> running", "proxy: absent -> running"]


def test_another_release_is_not_unpacked_over_an_installed_one() -> None:
    other = Unpacked("/x/harbor-offline-installer-v2.9.0.tgz", "/opt/harbor")
    assert "does not upgrade" in other.mend({"package": "harbor-offline-installer-v2.8.3.tgz"})


@pytest.mark.parametrize("present", ["just words\n", "- a\n- list\n", "hostname: [a\n", "a: 1\na: 2\n"])
def test_a_harbor_yml_that_somebody_broke_is_told_with_what_to_do(present: str) -> None:
    with pytest.raises(HostError, match=r"^file:/opt/harbor/harbor.yml: not .*; mend it, or move it away"):
        planned(VALUES, present)


def test_an_option_below_a_key_that_the_template_leaves_empty_is_set() -> None:
    text = filled(f"{TEMPLATE}proxy:\n# http_proxy: x\n", {"proxy.http_proxy": "http://proxy.test"}, "x")
    assert YAML().load(text)["proxy"]["http_proxy"] == "http://proxy.test"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("flags", "finished", "changes"), [((), True, 0), ((), False, 1), (("--with-trivy",), True, 1)]
)
def test_an_installation_that_did_not_come_to_its_end_is_not_taken_for_a_whole_one(
    shell: str, flags: tuple[str, ...], finished: bool, changes: int, tmp_path: Path
) -> None:
    (tmp_path / "docker-compose.yml").touch()
    if finished:
        (tmp_path / ".moor-flags").write_text("\n")
    prepared = Prepared(str(tmp_path), flags, newer_than=(str(tmp_path / "harbor.yml"),))
    state = prepared.actual(text(sh(shell, prepared.probe()).stdout))
    assert len(plan([prepared], {prepared.id: state})) == changes
