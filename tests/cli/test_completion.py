"""Tab completes commands, options and names, in real bash, zsh and fish at a terminal; man pages that man accepts."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moor.cli import names
from moor.cli.manual import roff, shells
from moor.cli.manual.tree import Described, describe
from moor.history.recording import record
from moor.run.selection import WHOLE, concern_of_stage, find_runbook
from moor.settings import SiteSettings
from moor.settings.modules import RUNBOOKS, SHIPPED, modules_of
from moor.sites.site import open_site
from tests.harness.sites import Content, write_site
from tests.harness.waiting import until
from tests.history.reports import a_run
from tests.test_start import imported, libraries

# Stands for moor: asks the real one for names, and writes down everything else that is typed.
STUB = """\
#!/bin/sh
case $1 in --complete) exec {python} -m moor "$@" ;; esac
printf '%s\\n' "$@" >{out}.part && mv {out}.part {out}
"""
START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {script}\r"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; source {script}\r"),
    "fish": (["fish", "--no-config", "--interactive"], "source {script}\r"),
}
INVENTORY = {"alpha": {"groups": ["racks"]}, "beta": {}, "gamma": {}}


@pytest.fixture(scope="module")
def tree() -> Described:
    return describe()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    files: dict[str, Content] = {
        "inventory/hosts.yaml": INVENTORY,
        "inventory/groups.yaml": "racks: {}\n",
        "runbooks/lunch.py": "",
    }
    site = write_site(tmp_path / "site", files)
    report = a_run({"alpha": {"file:/a": "ok"}, "gone": {"file:/a": "ok"}})
    report.run = "20260102-030405-abcd"
    record(SiteSettings.at(site), report, frozenset({"alpha", "gone"}))
    return site


@contextmanager
def shell(name: str, site: Path, tree: Described) -> Iterator[tuple[int, Path]]:
    """Start an interactive shell with completion at a terminal; yields the terminal and what the stub writes."""
    out, binary, script = site.parent / "typed", site.parent / "bin", site.parent / f"complete.{name}"
    binary.mkdir()
    (binary / "moor").write_text(STUB.format(python=shlex.quote(sys.executable), out=shlex.quote(str(out))))
    (binary / "moor").chmod(0o755)
    script.write_text(shells.script(name, tree))
    argv, begin = START[name]
    env = {**os.environ, "PATH": f"{binary}:{os.environ['PATH']}", "TERM": "xterm", "HOME": str(site.parent)}
    master, slave = pty.openpty()
    at_terminal = ["setsid", "--ctty", "--wait", *argv]  # fish wants to control its terminal
    process = subprocess.Popen(at_terminal, stdin=slave, stdout=slave, stderr=slave, cwd=site, env=env)
    os.close(slave)
    os.set_blocking(master, False)
    try:
        os.write(master, begin.format(script=shlex.quote(str(script))).encode())
        os.write(master, b"moor ready\r")
        until(lambda: _drained(master) and out.exists(), f"{name} reads what is typed")
        yield master, out
    finally:
        os.close(master)  # which hangs the shell up
        process.wait(timeout=60)


def _drained(terminal: int) -> bool:
    """Read what the shell has drawn, so that it is never blocked."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        return True
    return True


TYPED = (
    ("moor pla\t", ["plan"]),
    ("moor cert ren\t", ["cert", "renew"]),
    ("moor plan --show-s\t", ["plan", "--show-script"]),
    ("moor plan --limit alp\t", ["plan", "--limit", "alpha"]),
    ("moor plan --limit beta,gam\t", ["plan", "--limit", "beta,gamma"]),
    ("moor plan trust pull_s\t", ["plan", "trust", "pull_secrets"]),
    ("moor drift --runbook trust,pull_s\t", ["drift", "--runbook", "trust,pull_secrets"]),
    ("moor plan lun\t", ["plan", "lunch"]),
    ("moor history 2026\t", ["history", "20260102-030405-abcd"]),
    ("moor drift --output jso\t", ["drift", "--output", "json"]),
    ("moor plan --quiet --site . --limit rac\t", ["plan", "--quiet", "--site", ".", "--limit", "racks"]),
)


@pytest.mark.parametrize("name", START)
def test_tab_completes_what_is_typed(name: str, site: Path, tree: Described) -> None:
    with shell(name, site, tree) as (terminal, out):
        for keys, wanted in TYPED:
            out.unlink()
            os.write(terminal, f"{keys}\r".encode())
            until(lambda: _drained(terminal) and out.exists(), f"{name}: {keys!r} is run")
            assert out.read_text().split() == wanted, keys


def test_names_are_read_without_any_library() -> None:
    code = "from moor.cli import main\nmain(['--complete', 'limit'])"
    found = imported(code)
    assert libraries(found) <= {"moor"}
    assert {"moor.settings", "moor.cli.program", "asyncio"} & found == set()


def test_the_names_are_those_that_commands_take(site: Path) -> None:
    for place in (SHIPPED, site):
        assert set(open_site(place).inventory.hosts) <= set(names.hosts(place))
        assert set(open_site(place).inventory.groups) <= set(names.limit(place))
        concerns = {concern_of_stage(stage) for stage in find_runbook(place, WHOLE).stages}
        assert {*modules_of(place).names(RUNBOOKS), *concerns} == set(names.names(place))
    assert "gone" in names.hosts(site)
    assert list(names.runs(site)) == ["20260102-030405-abcd"]


@pytest.mark.parametrize("words", [["hosts", "/nowhere"], ["nonsense"], [], ["runs", "."]])
def test_what_cannot_be_read_completes_to_nothing_and_says_nothing(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").touch()
    (tmp_path / ".moor").mkdir()
    (tmp_path / ".moor/history.db").write_text("no database")
    assert names.complete(words) == 0
    assert capfd.readouterr() == ("", "")


def test_every_page_of_the_manual_is_accepted_by_man_and_mandoc(tmp_path: Path, tree: Described) -> None:
    made = roff.pages(tree, "1.0")
    for name, source in made.items():
        (tmp_path / name).write_text(source)
    paths = [str(tmp_path / name) for name in made]
    lint = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *paths], capture_output=True, text=True, check=False
    )
    assert (lint.returncode, lint.stdout) == (0, "")
    read = subprocess.run(
        ["man", "--warnings", "-E", "ascii", "-l", str(tmp_path / "moor-plan.1")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MANWIDTH": "400", "MAN_KEEP_FORMATTING": ""},
    )
    assert read.stderr == ""
    for word in ("--limit", "node[1-9]", "130", "moor(1)", "RUNBOOK"):
        assert word in read.stdout


def test_the_pages_say_what_help_says(tree: Described) -> None:
    made = roff.pages(tree, "1.0")
    assert {name.removesuffix(".1").replace("-", " ") for name in made} >= {"moor", "moor plan", "moor cert renew"}
    assert all(".SH EXIT STATUS" in page and "(1)" in page for page in made.values())
