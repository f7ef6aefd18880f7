"""Scripts of a site's own: InitNornir reads config.yaml as moor does, and results read well in print_result."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from nornir import InitNornir
from nornir.core import Nornir
from nornir.core.task import Result, Task
from nornir_utils.plugins.functions import print_result  # type: ignore[import-untyped]

from moor.api import File, converge
from moor.context import site_of
from moor.errors import InputError
from moor.secrets import masking
from moor.settings.modules import TASKS, load_module
from moor.sites.site import open_site
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


COLOURS = re.compile(r"\x1b\[[0-9;]*m")
HEADINGS = re.compile(r"^((?:vvvv|----|\^{4}|\*) .*?|greet) ?[*v^-]*(?: INFO| ERROR)?$", re.MULTILINE)


def read(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was printed, without colours and what fills up its headings."""
    return HEADINGS.sub(r"\1", COLOURS.sub("", capsys.readouterr().out))


@pytest.fixture
def printed(site: Path, host_folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that runs a task as a script would and returns what print_result shows, plainly."""

    def run(task: Callable[[Task], Result], dry_run: bool = False, **options: int) -> str:
        nr = InitNornir(config_file=f"{site}/config.yaml", dry_run=dry_run)
        with local_shells():
            results = nr.run(task=task)
        capsys.readouterr()
        print_result(results, **options)
        return read(capsys)

    return run


def test_print_result_shows_each_change_once_and_a_line_of_what_is_as_it_should_be(
    printed: Callable[..., str], tmp_path: Path
) -> None:
    def greet(task: Task) -> Result:
        return converge(task, [File(f"{tmp_path}/motd", "one\ntwo\n"), File(f"{tmp_path}/issue", "hello")])

    (tmp_path / "issue").write_text("hello")
    (tmp_path / "issue").chmod(0o644)
    heading = f"---- file:{tmp_path}/motd ** changed : True"
    diff = "content:\n@@ -0,0 +1,2 @@\n+one\n+two\nmode: (none) -> 0644\nowner: (none) -> root:root"
    change = f"{heading}\n{diff}"
    assert printed(greet, dry_run=True) == expected("1 of 2 would change", change + "\ndrift")
    assert printed(greet) == expected("1 of 2 changed", change + "\nchanged")
    assert printed(greet) == expected("0 of 2 changed")


def expected(counted: str, *changes: str) -> str:
    """Return what is shown of the task ``greet``."""
    changed = bool(changes)
    lines = ["greet", f"* here ** changed : {changed}", f"vvvv greet ** changed : {changed}", counted, *changes]
    return "\n".join([*lines, "^^^^ END greet", ""])


def test_print_result_shows_an_error_once_and_no_secret_gets_there_or_into_the_log(
    printed: Callable[..., str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    masking.register("hunter2-hunter2")
    (tmp_path / "hunter2-hunter2").touch()

    def greet(task: Task) -> Result:
        return converge(task, [File(f"{tmp_path}/hunter2-hunter2/motd", "hello")])

    for options in ({}, {"severity_level": 40}):
        shown = printed(greet, **options)
        assert shown.count("File exists") == 1
        assert "1 of 1 failed" in shown
        assert "Traceback" not in shown
        assert "hunter2" not in shown + caplog.text
    assert "File exists" in caplog.text


def test_print_result_shows_a_host_that_is_not_reached_in_one_line(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def greet(task: Task) -> Result:
        return converge(task, [File("/etc/motd", "hello")])

    hosts = site / "fleet/hosts.yaml"
    hosts.write_text("here: {groups: [harbor], hostname: 127.0.0.1, port: 1}\n")
    nr = InitNornir(config_file=f"{site}/config.yaml")
    results = nr.run(task=greet)
    capsys.readouterr()
    print_result(results)
    lines = read(capsys).splitlines()
    assert lines[3].startswith("127.0.0.1")
    assert lines[4] == "^^^^ END greet"
