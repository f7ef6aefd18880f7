"""The sections of a site's tasks, whose modules are imported when a section is first looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from moor.settings.modules import TASKS, load_module, load_tasks, modules_of, shipped_sections
from moor.settings.section import Section, collect_sections


class KnownSections(Mapping[str, type[Section]]):
    """The sections that the tasks of a site define, by name.

    A site's own task modules are imported at once, so that their faults are found; of the shipped ones those that
    define a section which is looked up, or all of them for a name that nobody seems to define.
    """

    def __init__(self, site: Path) -> None:
        self._site = site
        modules = modules_of(site)
        self._found = collect_sections(load_module(site, TASKS, name) for name in sorted(modules.own[TASKS]))
        self._owners: Mapping[str, str] = shipped_sections()
        self._complete = False
        if modules.replaces or self._found.keys() & self._owners.keys():
            self._load_all()

    def __getitem__(self, name: str) -> type[Section]:
        if name not in self._found and (owner := self._owners.get(name)):
            self._found |= collect_sections([load_module(self._site, TASKS, owner)])
        if name not in self._found and not self._complete:
            self._load_all()
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._found, *self._owners}))

    def __len__(self) -> int:
        return len({*self._found, *self._owners})

    def _load_all(self) -> None:
        self._found = collect_sections(load_tasks(self._site))
        self._owners, self._complete = {}, True
