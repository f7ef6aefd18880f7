"""A section is found whether or not its module was imported; a section that nobody writes imports nothing."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import moor.tasks
from moor.errors import InputError
from moor.settings import collect_sections
from moor.settings import known_sections as module
from moor.settings.known_sections import KnownSections
from moor.settings.modules import SHIPPED, shipped_sections
from tests.harness.sites import Content, write_site
from tests.test_start import imported

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvccMbR0sCRbiFRBNHgmpK9aFIhmg8uqQ/rpYsRGtdF"
MOTD = """
from typing import ClassVar
from moor.api import Section
class Motd(Section):
    section: ClassVar[str] = "{name}"
"""


def test_every_shipped_section_is_listed_with_the_module_that_defines_it() -> None:
    modules = [import_module(found.name) for found in walk_packages(moor.tasks.__path__, "moor.tasks.")]
    found = collect_sections(modules)
    assert {name: f"moor.tasks.{owner}" for name, owner in shipped_sections().items()} == {
        name: model.__module__ for name, model in found.items()
    }


def test_a_section_that_is_not_listed_is_found_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "shipped_sections", dict)
    assert KnownSections(SHIPPED)["registry"].section == "registry"


def test_a_name_that_nobody_defines_is_no_section(tmp_path: Path) -> None:
    known = KnownSections(write_site(tmp_path, {}))
    assert "cargo" not in known
    assert "registry" in known


def test_a_sites_own_section_is_known_beside_the_shipped_ones(tmp_path: Path) -> None:
    known = KnownSections(write_site(tmp_path, {"tasks/motd.py": MOTD.format(name="motd")}))
    assert {"motd", "registry", "access_list"} <= set(known)
    assert known["motd"].__module__.endswith(".tasks.motd")


def test_a_sites_section_with_the_name_of_a_shipped_one_is_refused(tmp_path: Path) -> None:
    site = write_site(tmp_path, {"tasks/motd.py": MOTD.format(name="access")})
    with pytest.raises(InputError, match="both own the section 'access'; give one of them another name"):
        KnownSections(site)


def test_a_fleet_imports_the_tasks_of_the_sections_that_it_writes(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "inventory/hosts.yaml": "node1: {data: {access: {members: [10.0.0.0/8]}}}",
        "inventory/defaults.yaml": {"data": {"ssh_host_key": KEY, "custom": {"rack": 7}}},  # keys that are no sections
        "tasks/own.py": "OWN = 1\n",
    }
    site = write_site(tmp_path, files)
    code = f"from pathlib import Path; from moor.sites.site import open_site; open_site(Path({str(site)!r}))"
    found = {name.removeprefix("moor.tasks.").partition(".")[0] for name in imported(code) if "moor.tasks." in name}
    assert "access" in found
    assert found & {"harbor", "containerd", "pki", "workload"} == set()


def test_harbors_system_is_imported_for_a_fleet_that_writes_it(tmp_path: Path) -> None:
    code = "from pathlib import Path; from moor.runbooks import site; from moor.sites.site import open_site"
    for system, wanted in ((None, False), ({"read_only": False}, True)):
        data = {"projects": {"shop": {}}, **({"harbor_system": system} if system else {})}
        files = {"inventory/hosts.yaml": {"node1": {"data": data}}}
        place = write_site(tmp_path / str(wanted), files)
        found = imported(f"{code}; open_site(Path({str(place)!r}))")
        assert "moor.tasks.registry.projects" in found
        assert ("moor.tasks.registry.system.settings" in found) == wanted
        assert ("moor.tasks.registry.replication.rule" in found) == wanted
