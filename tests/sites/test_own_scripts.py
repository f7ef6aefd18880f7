"""Scripts of a site's own: InitNornir reads config.yaml as moor does, and results read well in print_result."""

from __future__ import annotations

from pathlib import Path

import pytest
from nornir import InitNornir
from nornir.core import Nornir

from moor.context import site_of
from moor.errors import InputError
from moor.settings.modules import TASKS, load_module
from moor.sites.opening import open_site
from tests.harness.commands import moor_here
from tests.harness.hosts import local_shells
from tests.harness.sites import write_site

CONFIG = """\
inventory: {plugin: FleetInventory, options: {host_file: fleet/hosts.yaml, defaults_file: fleet/defaults.yaml}}
runner: {plugin: threaded, options: {num_workers: 3}}
logging: {enabled: false}
ssh: {config_file: ssh/config}
user_defined:
  moor: {state: keys, expires_within_days: 9}
  theirs: 1
"""
DEFAULTS = """\
data:
  registry: {name: registry.moor.test, address: 10.9.0.11}
  pki: {passphrase: file:passphrase}
"""
GROUPS = "harbor: {}\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write a site whose only host is this machine."""
    files = {"config.yaml": CONFIG, "fleet/hosts.yaml": "here: {groups: [harbor]}\n", "fleet/defaults.yaml": DEFAULTS}
    groups = {"inventory/groups.yaml": GROUPS}
    return write_site(tmp_path / "site", {**files, **groups}, {"passphrase": "for nobody's eyes\n"})


def changed(nr: Nornir, site: Path) -> list[str]:
    with local_shells():
        results = nr.run(task=load_module(site, TASKS, "pki.issue").issue_certificates)["here"]
    assert not results.failed
    return [str(result.name) for result in results[1:] if result.changed]


def test_a_script_plans_what_moor_plans_whatever_its_working_directory(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with local_shells():
        planned = moor_here(site, "plan", "pki", "--output", "json").report["hosts"]["here"]["resources"]
    nr = InitNornir(config_file="site/config.yaml", dry_run=True)
    assert changed(nr, site) == [resource["id"] for resource in planned]
    with local_shells():
        assert moor_here(site, "apply", "pki", "--yes").returncode == 0
    assert changed(InitNornir(config_file="site/config.yaml", dry_run=True), site) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site"]


def test_a_script_gets_what_config_yaml_says(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nr, ours = InitNornir(config_file="site/config.yaml"), open_site(site)
    for section in ("ssh", "core", "runner", "user_defined"):
        assert nr.config.dict()[section] == ours.config.dict()[section]
    assert nr.config.ssh.config_file == f"{site}/ssh/config"
    settings = site_of(nr.inventory.hosts["here"])
    assert (settings.state, settings.expires_within_days) == (site / "keys", 9)


def test_arguments_of_init_nornir_stand_over_the_file(site: Path) -> None:
    nr = InitNornir(config_file=f"{site}/config.yaml", user_defined={"moor": {"state": "elsewhere"}})
    assert site_of(nr.inventory.hosts["here"]).state == site / "elsewhere"
    with pytest.raises(InputError, match=r"^InitNornir's arguments:1: user_defined\.moor\.stat: no such key; did you "):
        InitNornir(config_file=f"{site}/config.yaml", user_defined={"moor": {"stat": "elsewhere"}})


def test_a_script_without_a_file_has_its_site_in_the_working_directory(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site)
    options = {"host_file": "fleet/hosts.yaml", "defaults_file": "fleet/defaults.yaml"}
    nr = InitNornir(inventory={"plugin": "FleetInventory", "options": options}, logging={"enabled": False})
    assert site_of(nr.inventory.hosts["here"]).state == site / ".moor"


def test_what_is_wrong_in_the_file_is_told_at_once_with_file_and_line(site: Path) -> None:
    config = site / "config.yaml"
    config.write_text(CONFIG.replace("num_workers: 3", "num_workers: 0").replace("expires_within_days", "expires"))
    with pytest.raises(InputError) as error:
        InitNornir(config_file=str(config))
    assert [line.partition(": ")[0] for line in str(error.value).splitlines()] == ["config.yaml:2", "config.yaml:6"]
