"""Golden files: a device's configuration, the commands that change it into the wanted one, and those that go back.

A case is a folder below cases/PLATFORM. ``running.conf`` is what the device prints, ``site.yaml`` what the inventory
says. A run with ``--snapshot-update`` writes the other files, to be read before they are committed: ``commands.txt``,
``rollback.txt``, and ``wanted.conf``, what the device prints after the commands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from moor.sites.site import open_site
from moor.tasks.devices.access_lists import desired
from moor.tasks.devices.acl.text import ListSyntax, find_obstacles
from moor.tasks.devices.list_resource import AccessList
from tests.harness.sites import Content, write_site
from tests.tasks.devices.boxes import load, typed

FOLDERS = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/*/site.yaml"))


@dataclass(frozen=True)
class Case:
    """A folder with golden files, and the list that its site wants."""

    folder: Path
    wanted: AccessList
    golden: Callable[[str, str], str]

    @property
    def platform(self) -> str:
        return self.folder.parent.name

    @property
    def syntax(self) -> ListSyntax:
        return self.wanted.dialect

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def commands(self, start: str, end: str) -> list[str]:
        """Return moor's commands from one configuration to another."""
        name = self.wanted.name
        return self.syntax.remedy(self.syntax.find(start, name).text, self.syntax.find(end, name).text, name)

    def after(self, start: str, commands: Sequence[str]) -> str:
        """Return what the device prints after commands, none of which it may refuse."""
        box = load(self.platform, start)
        typed(box, commands)
        return box.printed()

    def same(self, one: str, other: str) -> bool:
        """Return whether two configurations are one, however they are printed."""
        lists = {self.syntax.find(text, self.wanted.name).text for text in (one, other)}
        return load(self.platform, one).plain() == load(self.platform, other).plain() and len(lists) == 1


@pytest.fixture(params=FOLDERS, ids=lambda folder: "-".join(folder.parts[-2:]))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    folder: Path = request.param
    updates = request.config.getoption("update_snapshots")

    def golden(name: str, text: str) -> str:
        if updates:
            (folder / name).write_text(text)
        return (folder / name).read_text()

    data = YAML(typ="safe", pure=True).load(folder / "site.yaml")
    files: dict[str, Content] = {
        "config.yaml": {"inventory": {"plugin": "FleetInventory"}},
        "inventory/groups.yaml": {"devices": {"platform": folder.parent.name}},
        "inventory/hosts.yaml": {"edge1": {"hostname": "192.0.2.1", "groups": ["devices"]}},
        "inventory/defaults.yaml": {"data": data},
    }
    (wanted,) = desired(open_site(write_site(tmp_path, files)).inventory.hosts["edge1"])
    assert isinstance(wanted, AccessList)
    return Case(folder, wanted, golden)


def test_the_commands_lead_to_what_the_inventory_says_and_back(case: Case) -> None:
    running = case.read("running.conf")
    case.syntax.check(running)
    found = case.syntax.find(running, case.wanted.name)
    assert find_obstacles(found, case.wanted.wanted, case.wanted.interfaces) == []

    commands = case.syntax.remedy(found.text, case.wanted.wanted.text, case.wanted.name)
    assert lines(commands) == case.golden("commands.txt", lines(commands))
    wanted = case.golden("wanted.conf", case.after(running, commands))
    case.syntax.check(wanted)
    assert case.same(case.after(running, commands), wanted)
    assert case.syntax.find(wanted, case.wanted.name).text == case.wanted.wanted.text
    assert case.commands(wanted, wanted) == []

    back = case.commands(wanted, running)
    assert lines(back) == case.golden("rollback.txt", lines(back))
    assert case.same(case.after(wanted, back), running)


def lines(commands: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in commands)
