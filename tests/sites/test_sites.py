"""A site is opened as plain Nornir, from whatever directory, or refused with everything that is wrong in it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from nornir.core.filter import F

from moor.cli.commands.site_directory import find_site
from moor.context import site_of
from moor.errors import InputError
from moor.settings import collect_sections, optional_settings_of, settings_of
from moor.settings.modules import SHIPPED, load_runbooks, load_tasks, name_in_site
from moor.sites.site import open_site
from moor.tasks.facts import Registry
from moor.tasks.pki.settings import Pki
from tests.harness.sites import write_site

HOSTS = "node1: {hostname: 10.9.0.1, groups: [nodes]}\nnode2: {hostname: 10.9.0.2, groups: [nodes]}\n"
GROUPS = "nodes: {groups: [all], data: {custom: {rack: a}}}\nall: {}\n"
DEFAULTS = """\
username: ops
connection_options:
  shell: {extras: {key_file: keys/id, known_hosts: known_hosts, secret: file:secrets/sudo}}
data:
  registry: {name: registry.moor.test, address: 10.9.0.11}
  pki: {passphrase: file:secrets/ca}
"""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1+VnXYwFUnIdCJSkYVMhFLjkD7ExAtUB0K8IHFzrqF"
MakeSite = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path) -> MakeSite:
    """Return a function that writes a site; its files by name, the usual ones where none is given."""
    usual = {"hosts": HOSTS, "groups": GROUPS, "defaults": DEFAULTS}

    def written(config: str = "", **files: str) -> Path:
        inventory = {f"inventory/{name}.yaml": dedent(text) for name, text in {**usual, **files}.items()}
        return write_site(tmp_path, {"config.yaml": dedent(config), **inventory})

    return written


def wrong(folder: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        open_site(folder)
    return str(error.value).splitlines()


def test_a_site_is_plain_nornir(site: MakeSite) -> None:
    nr = open_site(site(), dry_run=True)
    assert nr.data.dry_run
    assert list(nr.filter(F(groups__contains="nodes")).inventory.hosts) == ["node1", "node2"]
    assert list(nr.filter(F(has_parent_group="all")).inventory.hosts) == ["node1", "node2"]
    assert nr.inventory.hosts["node1"]["custom"] == {"rack": "a"}
    assert nr.inventory.hosts["node1"].username == "ops"
    assert nr.inventory.groups["nodes"].data == {"custom": {"rack": "a"}}


def test_settings_are_typed_and_absent_ones_are_the_defaults(site: MakeSite) -> None:
    host = open_site(site(defaults="data: {registry: {name: a.b, address: 10.9.0.11}}")).inventory.hosts["node1"]
    assert settings_of(host, Registry).host_port == "a.b"
    assert optional_settings_of(host, Pki) is None
    with pytest.raises(InputError, match=r"^node1: it has no data\.pki: passphrase is missing"):
        settings_of(host, Pki)


def test_a_section_that_lacks_a_key_names_it(site: MakeSite) -> None:
    host = open_site(site(defaults="")).inventory.hosts["node1"]
    with pytest.raises(InputError, match=r"^node1: it has no data\.registry, which needs name, address; write it for"):
        settings_of(host, Registry)


def test_paths_are_the_sites_whatever_the_working_directory(
    site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = site()
    monkeypatch.chdir(folder.parent)
    host = open_site(Path(folder.name)).inventory.hosts["node1"]
    monkeypatch.chdir("/")
    extras = host.get_connection_parameters("shell").extras
    assert extras == {
        "key_file": f"{folder}/keys/id",
        "known_hosts": f"{folder}/known_hosts",
        "secret": f"file:{folder}/secrets/sudo",
    }
    said = site_of(host)
    assert (said.directory, said.state, said.waivers) == (folder, folder / ".moor", folder / "inventory/waivers.yaml")
    passphrase = settings_of(host, Pki).passphrase
    assert passphrase is not None
    assert passphrase.reference == f"file:{folder}/secrets/ca"


def test_opening_a_site_writes_nothing(site: MakeSite) -> None:
    folder = site()
    before = sorted(folder.rglob("*"))
    open_site(folder)
    assert sorted(folder.rglob("*")) == before


def test_a_host_key_reaches_the_connection_beside_inherited_arguments(site: MakeSite) -> None:
    folder = site(hosts=f"node1:\n  hostname: 10.9.0.1\n  data: {{ssh_host_key: {KEY} somebody}}\n")
    extras = open_site(folder).inventory.hosts["node1"].get_connection_parameters("shell").extras
    assert extras is not None
    assert extras["ssh_host_key"] == [KEY]
    assert extras["key_file"] == f"{folder}/keys/id"


def test_a_host_without_an_address_is_reached_by_its_name(site: MakeSite) -> None:
    assert open_site(site(hosts="node1.moor.test: {}")).inventory.hosts["node1.moor.test"].hostname == "node1.moor.test"


def test_two_hosts_of_one_address_are_refused(site: MakeSite) -> None:
    hosts = "a: {hostname: 10.9.0.1}\n\nb: {hostname: 10.9.0.1, port: 22}\nc: {hostname: 10.9.0.1, port: 2222}\n"
    assert wrong(site(hosts=hosts)) == [
        "inventory/hosts.yaml:3: b.hostname: 10.9.0.1 port 22 is a's already; correct one of the two"
    ]


def test_mistakes_of_all_files_are_told_at_once(site: MakeSite) -> None:
    folder = site(
        hosts="node1: {hostnam: 10.9.0.1, groups: [nods]}",
        groups="nodes: {data: {registry: {name: reg.mydomain.com, address: x}}}",
        defaults="data:\n  pki: {passphras: env:X}\n",
    )
    assert wrong(folder) == [
        "inventory/defaults.yaml:2: data.pki.passphras: no such key; did you mean passphrase?",
        "inventory/groups.yaml:1: nodes.data.registry.address: value is not a valid IPv4 or IPv6 address",
        "inventory/groups.yaml:1: nodes.data.registry.name: the name of an example; write the registry's own name",
        "inventory/hosts.yaml:1: node1.groups.0: nods: no such group; did you mean nodes?",
        "inventory/hosts.yaml:1: node1.hostnam: no such key; did you mean hostname?",
    ]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("runer: {}", "config.yaml:1: runer: no such key; did you mean runner?"),
        (
            "inventory: {plugin: SimpleInventory}",
            "config.yaml:1: inventory.plugin: no checked plugin: FleetInventory is the checked form of SimpleI",
        ),
        (
            "inventory: {plugin: Netbox}",
            "config.yaml:1: inventory.plugin: must be 'FleetInventory', 'ClusterInventory' or 'NetBoxInventory'",
        ),
        (
            "inventory:\n  options:\n    host_file: no.yaml",
            "config.yaml:3: inventory.options.host_file: no such file: {site}/no.yaml",
        ),
        (
            "inventory:\n  options:\n    group_fil: x",
            "config.yaml:3: inventory.options.group_fil: no such key; did you mean group_file?",
        ),
        (
            "runner:\n  options: {num_worker: 2}",
            "config.yaml:2: runner.options.num_worker: no such key; did you mean num_workers?",
        ),
        (
            "runner: {plugin: threaded, options: {num_workers: 0}}",
            "config.yaml:1: runner.options.num_workers: must be a whole number, 1 or more",
        ),
        (
            "runner: {plugin: thread}",
            "config.yaml:1: runner.plugin: no runner is called thread; did you mean threaded? ",
        ),
        (
            "runner: {plugin: quick}",
            "config.yaml:1: runner.plugin: no runner is called quick; is the package that brings it installed? ",
        ),
        (
            "user_defined:\n  moor: {stat: x}",
            "config.yaml:2: user_defined.moor.stat: no such key; did you mean state?",
        ),
        (
            "user_defined:\n  moor: {heal_hosts: 2}",
            "config.yaml:2: user_defined.moor.heal_hosts: its name is mend_hosts now; rename it",
        ),
        ("user_defined: {moor: {history_days: 0}}", "config.yaml:1: user_defined.moor.history_days: must be greater"),
        (
            "user_defined: {moor: {directory: /srv}}",
            "config.yaml:1: user_defined.moor.directory: no such key; known here: active, expires_within_days, ",
        ),
        ("core: {raise_on_error: true}", "config.yaml:1: core.raise_on_error: no such key; known here: none"),
        ("logging: [", "config.yaml:1: not YAML: "),
        ("- a", "config.yaml:1: must be a mapping: keys with values below it"),
    ],
)
def test_a_mistake_in_the_configuration_is_told(site: MakeSite, config: str, said: str) -> None:
    folder = site(config=config)
    lines = wrong(folder)
    assert len(lines) == 1
    assert lines[0].startswith(said.replace("{site}", str(folder)))


def test_a_configuration_may_be_empty_and_groups_and_defaults_may_be_missing(site: MakeSite) -> None:
    folder = site(hosts="node1: {}")
    (folder / "inventory" / "groups.yaml").unlink()
    (folder / "inventory" / "defaults.yaml").unlink()
    assert list(open_site(folder).inventory.hosts) == ["node1"]


def test_a_directory_without_a_configuration_is_no_site(tmp_path: Path) -> None:
    assert wrong(tmp_path) == [f"{tmp_path}/config.yaml: not there; moor init writes a site, --site DIR names one"]


def test_a_file_that_cannot_be_decoded_is_told(site: MakeSite) -> None:
    folder = site()
    (folder / "inventory" / "hosts.yaml").write_bytes(b"caf\xe9: {}\n")
    assert wrong(folder) == [
        "inventory/hosts.yaml:1: not UTF-8 text: invalid continuation byte at byte 3; save it as UTF-8"
    ]


def test_the_site_is_the_one_named_or_the_working_directory_or_the_shipped_one(
    site: MakeSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = site()
    monkeypatch.chdir(folder)
    assert find_site(None) == folder
    assert find_site(Path("elsewhere")) == Path("elsewhere")
    assert capsys.readouterr().err == ""
    monkeypatch.chdir("/")
    assert find_site(None) == SHIPPED
    assert capsys.readouterr().err == f"moor: no config.yaml is in /, so this is the lab's site: {SHIPPED}\n"


def test_the_shipped_fleet_is_valid() -> None:
    nr = open_site(SHIPPED)
    groups = {name: sorted(h.name for h in nr.inventory.children_of_group(name)) for name in nr.inventory.groups}
    assert groups == {
        "harbor": ["harbor1"],
        "control_plane": ["cp1"],
        "clusters": [],
        "nodes": ["cp1", "node1", "node2", "node3"],
        "workstations": ["ws1"],
        "dns": [],
        "outsiders": ["outsider"],
    }


def test_a_site_brings_a_task_of_its_own_with_its_settings(site: MakeSite) -> None:
    folder = site(hosts="node1: {data: {motd: {text: hello}}}")
    assert "no such key" in wrong(folder)[0]
    (folder / "tasks").mkdir()
    (folder / "tasks" / "motd.py").write_text(
        dedent("""\
            from typing import ClassVar
            from moor.settings import Section
            from moor.tasks.facts import Registry

            class Motd(Section):
                section: ClassVar[str] = "motd"
                text: str
            """)
    )
    assert open_site(folder).inventory.hosts["node1"]["motd"].text == "hello"
    assert "motd" in collect_sections(load_tasks(folder))
    assert "motd" not in collect_sections(load_tasks(SHIPPED))
    assert "tasks.motd" not in sys.modules


def test_a_sites_task_stands_in_place_of_the_shipped_one(site: MakeSite) -> None:
    folder = site(hosts="node1: {data: {preflight: {lunch: noon}}}", defaults="")
    (folder / "tasks").mkdir()
    (folder / "tasks" / "preflight.py").write_text(
        dedent("""\
            from typing import ClassVar
            from moor.settings import Section

            class Preflight(Section):
                section: ClassVar[str] = "preflight"
                lunch: str
            """)
    )
    assert open_site(folder).inventory.hosts["node1"]["preflight"].lunch == "noon"


def test_a_sites_runbook_is_found(site: MakeSite) -> None:
    folder = site()
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "lunch.py").write_text("WHEN = 12\n")
    assert "runbooks.lunch" in [name_in_site(module.__name__) for module in load_runbooks(folder)]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def broken(:\n", "own.py:1: SyntaxError: invalid syntax"),
        ("\nimport no_such_module\n", "own.py:2: ModuleNotFoundError: No module named 'no_such_module'"),
        (
            "from typing import ClassVar\nfrom moor.settings import Section\n"
            "class Mine(Section):\n    section: ClassVar[str] = 'registry'\n",
            "tasks.facts and tasks.own both own the section 'registry'; give one of them another name",
        ),
    ],
)
def test_a_sites_task_that_does_not_load_is_told(site: MakeSite, source: str, said: str) -> None:
    folder = site()
    (folder / "tasks").mkdir()
    (folder / "tasks" / "own.py").write_text(source)
    lines = wrong(folder)
    assert len(lines) == 1
    assert said in lines[0]


def test_a_transform_function_of_another_package_fills_in_hosts(site: MakeSite) -> None:
    options = "{username: keeper}"
    config = f"inventory: {{transform_function: load_credentials, transform_function_options: {options}}}"
    assert open_site(site(config=config, hosts="node1: {}")).inventory.hosts["node1"].username == "keeper"


def test_a_transform_function_that_nobody_brings_is_told(site: MakeSite) -> None:
    assert "plugin 'tuned' is not registered" in wrong(site(config="inventory: {transform_function: tuned}"))[0]
