"""The names that a shell completes: hosts, groups, runbooks, concerns, runs. Read from files, without a library.

A shell asks at every Tab, so this must take a few hundredths of a second: no YAML is parsed and no task imported. What
files and history do not show in so short a time, such as machines of NetBox that no run has met, is not offered.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

OPTION = "--complete"
RECENT = 50  # runs
KEY = re.compile(r"^(?:\{\s*)?[\"']?([A-Za-z0-9][\w.-]*)[\"']?\s*:", re.MULTILINE)
IMPORT = re.compile(r"^from (?:moor\.)?tasks\.(\w+)\S* import (\w+(?:, \w+)*|\([^)]*\))", re.MULTILINE)
STAGE = re.compile(r"\bStage\(\s*(\w+)((?:[^\n](?!\bStage\())*)")
CONCERN = re.compile(r"\bconcern=[\"'](\w+)[\"']")
RUNS = "SELECT run, command, runbook, started FROM runs ORDER BY started DESC LIMIT ?"
HOSTS = "SELECT DISTINCT host FROM hosts WHERE run IN (SELECT run FROM runs ORDER BY started DESC LIMIT ?)"
Names = Mapping[str, str]  # each with what is said about it


def complete(words: Sequence[str]) -> int:
    """Print the names of one kind, each with what it is behind a tab.

    Args:
        words: the kind, and perhaps the site's directory.
    """
    kind, site, *_ = [*words, "", ""]
    with suppress(Exception):  # nothing can be said between the keys of a person who types
        for name, about in LISTS[kind](_site(site)).items():
            sys.stdout.write(f"{name}\t{about}\n")
    return 0


def _site(named: str) -> Path:
    import moor

    if named:
        return Path(named).expanduser()
    package = Path(moor.__file__).parent
    shipped = package.parent if (package / "tasks").is_symlink() else package
    return Path() if Path("config.yaml").is_file() else shipped


def _setting(site: Path, key: str, usual: str) -> Path:
    """Return a path that config.yaml may name."""
    found = re.search(rf"^\s*{key}:\s*[\"']?([^\s\"'#]+)", _text(site / "config.yaml"), re.MULTILINE)
    return site / (found[1] if found else usual)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def hosts(site: Path) -> Names:
    """Return the hosts of the inventory's file and of the last recorded runs."""
    written = KEY.findall(_text(_setting(site, "host_file", "inventory/hosts.yaml")))
    return dict.fromkeys([*written, *(host for (host,) in _rows(site, HOSTS) if host)], "host")


def limit(site: Path) -> Names:
    """Return what --limit takes: hosts, groups, and words for the hosts of earlier runs."""
    groups = KEY.findall(_text(_setting(site, "group_file", "inventory/groups.yaml")))
    earlier = {"@failed": "where the last run failed", "@drifted": "with open findings"}
    return {**hosts(site), **dict.fromkeys(groups, "group"), **earlier}


def names(site: Path) -> Names:
    """Return the runbooks and the concerns of the runbook ``site``."""
    import moor

    shipped = Path(moor.__file__).parent / "runbooks"
    folders = [site / "runbooks", shipped]
    books = [path.stem for folder in folders for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]
    whole = next((text for folder in folders if (text := _text(folder / "site.py"))), "")
    return {**dict.fromkeys(_concerns(whole), "concern"), **dict.fromkeys(books, "runbook")}


def _concerns(runbook: str) -> Iterator[str]:
    """Yield the concerns of the stages in a runbook's source: said with the stage, else where its task stands."""
    module = {name: where for where, tasks in IMPORT.findall(runbook) for name in re.findall(r"\w+", tasks)}
    for task, rest in STAGE.findall(runbook):
        said = CONCERN.search(rest)
        if said or task in module:
            yield said[1] if said else module[task]


def runs(site: Path) -> Names:
    """Return the last runs of a history that is a file."""
    return {run: f"{command} {book}, {started[:16]}" for run, command, book, started in _rows(site, RUNS)}


def _rows(site: Path, query: str) -> Iterator[tuple[str, ...]]:
    file = _setting(site, "state", ".moor") / "history.db"
    if not file.is_file():
        return
    import sqlite3

    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=0.05)
    try:
        yield from connection.execute(query, (RECENT,))
    except sqlite3.Error:  # being written, or of another version
        return
    finally:
        connection.close()


LISTS: Mapping[str, Callable[[Path], Names]] = {
    "hosts": hosts,
    "limit": limit,
    "names": names,
    "runs": runs,
}
