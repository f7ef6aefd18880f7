"""Harbor's resources: harbor.yml by its values, health by component, prepared files, data location."""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from moor.engine.plan import plan
from moor.errors import HostError
from moor.resources.base import State
from moor.secrets.secret import Secret
from moor.tasks.harbor.data import SameDataLocation
from moor.tasks.harbor.health import find_unhealthy_components
from moor.tasks.harbor.installer import InstalledRelease, UnpackedInstaller
from moor.tasks.harbor.parts import ComposeContainers, DatabasePassword, PreparedFiles
from moor.tasks.harbor.yml import HarborYml, edit_harbor_yml
from tests.harness.shells import SHELLS, sh, text

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
VALUES: dict[str, object] = {
    "hostname": "registry.moor.test",
    "https.port": 8443,
    "harbor_admin_password": Secret("Adm1nSecret"),
}


def probed(template: str, present: str, record: str = "", installed: str = "") -> str:
    return "".join(f"{len(text.encode())}\n{text}" for text in (template, present, record)) + installed


def filled(template: str, values: dict[str, object], name: str) -> str:
    return edit_harbor_yml(template, values, [], template, name)


def planned(values: dict[str, object], present: str) -> list[str]:
    resource = HarborYml("/opt/harbor/harbor.yml", values)
    return [change.diff for change in plan([resource], {resource.id: resource.actual(probed(TEMPLATE, present))})]


def test_the_template_is_filled_and_keeps_its_comments() -> None:
    text = filled(TEMPLATE, VALUES, "harbor.yml")
    assert "# which name users type\nhostname: registry.moor.test\n" in text
    assert "port: 8443 # of the proxy" in text
    assert "harbor_admin_password: Adm1nSecret" in text
    assert "rotate_count: 50" in text


def test_a_key_that_the_template_has_in_a_comment_is_known() -> None:
    assert 'external_url: "https://registry.moor.test"' in filled(
        TEMPLATE, {"external_url": "https://registry.moor.test"}, "x"
    )


def test_every_unknown_key_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(HostError, match=r"hostnam: .*did you mean hostname\?\n.*log.local.rotate_cont: .*rotate_count"):
        planned({"hostnam": "x", "log.local.rotate_cont": 3}, "")


def test_a_filled_template_is_not_planned_again() -> None:
    assert planned(VALUES, filled(TEMPLATE, VALUES, "x")) == []


def test_another_order_or_comment_is_no_drift() -> None:
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
def test_any_value_survives_the_template(values: dict[str, object]) -> None:
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
def test_health_is_reported_for_each_component(code: int, body: bytes, sick: dict[str, str]) -> None:
    assert find_unhealthy_components(code, body) == sick


PREPARED = PreparedFiles("/opt/harbor", ("--with-trivy",), newer_than=("/opt/harbor/harbor.yml",))


@pytest.mark.parametrize(
    ("state", "script"),
    [
        (None, "./install.sh --with-trivy"),
        ({"flags": "--with-trivy", "stale": "older than x"}, "./prepare --with-trivy"),
    ],
)
def test_the_installer_runs_once_and_prepare_from_then_on(state: State | None, script: str) -> None:
    assert script in PREPARED.mend(state)


def test_prepared_files_are_stale_once_harbor_yml_is_planned() -> None:
    config = HarborYml("/opt/harbor/harbor.yml", {"hostname": "new"})
    states = {config.id: {"hostname": "old", "template": ""}, PREPARED.id: {"flags": "--with-trivy", "stale": "no"}}
    assert [change.id for change in plan([config, PREPARED], states)] == [config.id, PREPARED.id]


def test_a_stopped_container_is_planned_and_so_is_one_that_is_missing() -> None:
    containers = ComposeContainers("/opt/harbor")
    state = containers.actual("core absent\nredis absent\nproxy absent\ncore running\nredis exited\n")
    (change,) = plan([containers], {containers.id: state})
    assert change.diff.splitlines() == ["redis: exited -> running", "proxy: absent -> running"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("note", "words"),
    [
        (None, ""),
        ("harbor-offline-installer-v2.8.3.tgz\n", ""),
        ("harbor-online-installer-v2.8.3.tgz\n", ""),
        ("harbor-offline-installer-v2.7.4.tgz\n", "v2.7.4.tgz is installed and .* names .*v2.8.3.tgz; .* upgrades it"),
    ],
)
def test_another_release_is_not_configured_before_its_upgrade(
    shell: str, note: str | None, words: str, tmp_path: Path
) -> None:
    if note is not None:
        (tmp_path / ".moor-unpacked").write_text(note)
    asked = InstalledRelease("harbor-offline-installer-v2.8.3.tgz", str(tmp_path))
    state = asked.actual(text(sh(shell, asked.probe()).stdout))
    assert [bool(change) for change in plan([asked], {asked.id: state})] == [True] * bool(words)
    assert not words or re.search(words, asked.remedy(state))
    assert plan([asked], {asked.id: state}, [f"{tmp_path}/docker-compose.yml"]) == []  # the plan upgrades it


def test_another_release_is_not_unpacked_over_an_installed_one(tmp_path: Path) -> None:
    other = UnpackedInstaller("/x/harbor-offline-installer-v2.9.0.tgz", f"{tmp_path}/harbor")
    for place in ("harbor", "harbor.upgrade/former"):  # where an interrupted upgrade has moved it
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / ".moor-unpacked").write_text("harbor-offline-installer-v2.8.3.tgz\n")
        state = other.actual(text(sh("dash", other.probe()).stdout))
        assert plan([other], {other.id: state}) == []
        (tmp_path / place).rename(tmp_path / place.replace("harbor", "gone", 1).replace("/", "-"))


def test_what_an_upgrade_in_the_plan_writes_is_not_planned_twice() -> None:
    config = HarborYml("/opt/harbor/harbor.yml", {**VALUES, "core.quota_update_provider": "redis"})
    present = filled(TEMPLATE, {**VALUES, "log.local.rotate_count": 7}, "x")
    states = {
        config.id: config.actual(probed(TEMPLATE, present, "log.local.rotate_count", "installed\n")),
        PREPARED.id: {"flags": "", "stale": "older than x"},
    }
    assert len(plan([config, PREPARED], states)) == 2
    assert plan([config, PREPARED], states, [PREPARED.compose]) == []


DATA = {"data_volume": "/data", "log.level": "info"}


@pytest.mark.parametrize(
    ("present", "values", "said"),
    [
        ({}, {}, ""),
        ({}, {"data_volume": "/srv/harbor"}, "data_volume: /data -> /srv/harbor"),
        ({}, {"external_database.harbor.host": "db"}, "database: Harbor's own -> external_database"),
        ({}, {"storage_service.s3.bucket": "b"}, "images: filesystem -> s3, bucket b"),
        ({"storage_service.s3.bucket": "a"}, {"storage_service.s3.bucket": "b"}, "s3, bucket a -> s3, bucket b"),
        ({"storage_service.s3.bucket": "a"}, {"storage_service.s3.secretkey": "x"}, ""),
        ({"storage_service.s3.bucket": "a"}, {}, "images: s3, bucket a -> filesystem"),
    ],
)
def test_an_installed_harbor_keeps_its_data_location(
    present: dict[str, object], values: dict[str, object], said: str
) -> None:
    template = "data_volume: /data\nlog: {level: info}\n"
    there = edit_harbor_yml(template, {**DATA, **present}, [], template, "x")
    asked = SameDataLocation(HarborYml("/opt/harbor/harbor.yml", {**DATA, **values}))
    record = "\n".join(present) if not values else ""  # what moor has set, and was taken out of the inventory
    state = asked.actual(probed(template, there, record, "installed\n"))
    assert (said in asked.remedy(state)) if said else state == {"met": "yes"}
    assert asked.actual(probed(template, there, record)) == {"met": "yes"}  # nothing was prepared yet


def test_the_administrators_password_counts_only_before_the_first_start() -> None:
    present = filled(TEMPLATE, {**VALUES, "harbor_admin_password": Secret("0therSecret")}, "x")
    config = HarborYml("/opt/harbor/harbor.yml", VALUES)
    state = config.actual(probed(TEMPLATE, present, installed="installed\n"))
    assert plan([config], {config.id: state}) == []
    assert "0therSecret" in config.after(state or {})


def test_an_option_removed_from_the_inventory_gets_the_templates_value_again() -> None:
    options = {"log.local.rotate_count": 7, "log.external_endpoint.host": "x", "trivy.github_token": Secret("hunter22")}
    present = filled(TEMPLATE, {**VALUES, **options}, "x")
    config = HarborYml("/opt/harbor/harbor.yml", VALUES)
    state = config.actual(probed(TEMPLATE, present, "\n".join(options), "installed\n"))
    (change,) = plan([config], {config.id: state})
    assert change.diff.splitlines() == [
        "log.local.rotate_count: 7 -> 50",
        "log.external_endpoint.host: x -> (not set)",
        "trivy.github_token: what moor had set -> the template's",
    ]
    after = config.after(state or {})
    assert yaml.safe_load(after)["log"] == {"local": {"rotate_count": 50}}
    assert "trivy" not in yaml.safe_load(after)
    assert plan([config], {config.id: config.actual(probed(TEMPLATE, after, "\n".join(options), "installed\n"))}) == []


def test_keys_that_moor_did_not_set_stay() -> None:
    present = filled(TEMPLATE, VALUES, "x").replace("rotate_count: 50", "rotate_count: 3 # the disk is small")
    config = HarborYml("/opt/harbor/harbor.yml", {**VALUES, "https.port": 444})
    assert "rotate_count: 3 # the disk is small" in config.after(config.actual(probed(TEMPLATE, present)) or {})


def test_a_malformed_file_is_refused_without_printing_its_line() -> None:
    with pytest.raises(HostError, match="not YAML: line 1: could not determine a constructor") as caught:
        planned(VALUES, "harbor_admin_password: !hunter2 x\n")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("output", "state"),
    [
        ("1\n", {"login": "accepted"}),
        ('psql: error: FATAL:  password authentication failed for user "postgres"\n', {"login": "refused"}),
        ("Error response from daemon: container 1 is not running\n", None),
        ("", None),
    ],
)
def test_the_databases_password_is_tested_by_a_login_if_the_database_runs(output: str, state: State | None) -> None:
    password = DatabasePassword("/opt/harbor", Secret("n3wSecret"))
    assert password.actual(output) == state
    assert len(plan([password], {password.id: state})) == (state == {"login": "refused"})


@pytest.mark.parametrize("present", ["just words\n", "- a\n- list\n", "hostname: [a\n", "a: 1\na: 2\n"])
def test_a_broken_harbor_yml_is_refused_with_a_remedy(present: str) -> None:
    with pytest.raises(HostError, match=r"^file:/opt/harbor/harbor.yml: not .*; mend it, or move it away"):
        planned(VALUES, present)


def test_an_option_below_a_key_that_the_template_leaves_empty_is_set() -> None:
    text = filled(f"{TEMPLATE}proxy:\n# http_proxy: x\n", {"proxy.http_proxy": "http://proxy.test"}, "x")
    assert YAML().load(text)["proxy"]["http_proxy"] == "http://proxy.test"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("flags", "finished", "changes"), [((), True, 0), ((), False, 1), (("--with-trivy",), True, 1)]
)
def test_an_unfinished_installation_is_not_taken_for_a_complete_one(
    shell: str, flags: tuple[str, ...], finished: bool, changes: int, tmp_path: Path
) -> None:
    (tmp_path / "docker-compose.yml").touch()
    if finished:
        (tmp_path / ".moor-flags").write_text("\n")
    prepared = PreparedFiles(str(tmp_path), flags, newer_than=(str(tmp_path / "harbor.yml"),))
    state = prepared.actual(text(sh(shell, prepared.probe()).stdout))
    assert len(plan([prepared], {prepared.id: state})) == changes
