"""Several sites in one process: each has its own modules, and a script's own packages are left alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from nornir.core import Nornir

from moor.errors import InputError
from moor.run.execution import run_runbook
from moor.run.input_check import refuse_bad_input
from moor.run.report import Collector, HostReport, RunReport
from moor.run.runbook import Stage
from moor.run.selection import all_stages, concern_of_stage, find_runbook
from moor.settings import collect_sections
from moor.settings.modules import RUNBOOKS, TASKS, load_module, load_tasks, modules_of, name_in_site
from moor.sites.site import open_site
from tests.harness.commands import moor_here
from tests.harness.hosts import local_shells
from tests.harness.sites import write_site

TASK = """\
from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from moor.engine.converge import converge
from moor.resources.file import File

CONFIG = "{path}"

def desired(host: Host) -> list[File]:
    return [File(CONFIG, "{path}\\n")]

def {name}(task: Task) -> Result:
    return converge(task, desired(task.host))
"""
RUNBOOK = """\
from moor.run.runbook import Runbook, Stage
from tasks.{module} import {name}

RUNBOOK = Runbook("{module}", "One file.", (Stage({name}),))
"""
MakeSite = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeSite]:
    """Return a function that writes a site with one host, this machine, and files of its own."""

    def made(name: str, **files: str) -> Path:
        own = {f"{key.replace('__', '/', 1).replace('___', '/')}.py": text for key, text in files.items()}
        return write_site(tmp_path / name, {"inventory/hosts.yaml": "here: {}\n", **own})

    with local_shells():
        yield made


def planned(nr: Nornir, folder: Path, name: str) -> list[str]:
    report = RunReport("run", name, {"here": HostReport()})
    run_runbook(nr.with_processors([Collector(report)]), find_runbook(folder, name))
    assert not report.failed
    return [resource.id for resource in report.hosts["here"].resources if resource.status == "drift"]


def test_sites_with_modules_of_one_name_are_planned_in_turns_each_by_its_own(make: MakeSite) -> None:
    folders = [
        make(
            name,
            tasks__motd=TASK.format(path=f"/etc/{name}", name="greet"),
            runbooks__motd=RUNBOOK.format(module="motd", name="greet"),
        )
        for name in ("one", "other")
    ]
    sites = [(open_site(folder, dry_run=True), folder) for folder in folders]
    told = [planned(nr, folder, "motd") for nr, folder in [*sites, *sites]]
    assert told == [["file:/etc/one"], ["file:/etc/other"]] * 2


def test_a_sites_module_in_place_of_a_shipped_one_is_that_sites_alone(make: MakeSite) -> None:
    own = TASK.format(path="/etc/own-trust", name="trust_ca") + "NAME, STORES = 'own', ()\n"
    replacing, plain = make("replacing", tasks__trust=own), make("plain")
    runbooks = {folder: find_runbook(folder, "trust") for folder in (replacing, plain, replacing)}
    modules = {name_in_site(one.task.__module__): one.desired for one in runbooks[replacing].stages}
    assert list(modules) == ["tasks.trust"]
    assert planned(open_site(replacing, dry_run=True), replacing, "trust") == ["file:/etc/own-trust"]
    assert runbooks[plain].stages[0].task is load_module(plain, TASKS, "trust").trust_ca
    assert runbooks[plain].stages[0].task is not runbooks[replacing].stages[0].task


def test_shipped_modules_import_the_sites_module_in_place_of_the_shipped_one(make: MakeSite) -> None:
    own = TASK.format(path="/etc/own-trust", name="trust_ca") + "NAME, STORES = 'own', ()\n"
    replacing, plain = make("replacing", tasks__trust=own), make("plain")
    rotations = {folder: load_module(folder, RUNBOOKS, "rotation") for folder in (replacing, plain)}
    assert rotations[replacing].trust_ca is load_module(replacing, TASKS, "trust").trust_ca
    assert rotations[plain].trust_ca is load_module(plain, TASKS, "trust").trust_ca
    assert rotations[plain].trust_ca is not rotations[replacing].trust_ca


def test_a_site_without_modules_in_place_of_shipped_ones_shares_these(make: MakeSite) -> None:
    folder = make(
        "site",
        tasks__mine="from tasks import trust\nfrom tasks.names import hosts\nimport tasks.docker.install\n",
    )
    mine, docker = load_module(folder, TASKS, "mine"), load_module(folder, TASKS, "docker")
    assert mine.trust is load_module(folder, TASKS, "trust")
    assert mine.hosts is sys.modules[mine.hosts.__name__]
    assert mine.tasks.docker is docker
    assert not modules_of(folder).replaces


def test_a_module_of_a_site_imports_its_own_neighbours_also_later(make: MakeSite) -> None:
    folder = make(
        "site",
        tasks__words="HELLO = 'hello'\n",
        tasks__mine=dedent("""\
            def said():
                from tasks import words
                from tasks.words import HELLO
                return HELLO, words
            """),
        runbooks__mine="import tasks.mine as mine\nfrom tasks.mine import said\n",
    )
    runbook = load_module(folder, RUNBOOKS, "mine")
    assert runbook.mine.said is runbook.said
    assert runbook.said() == ("hello", load_module(folder, TASKS, "words"))


def test_a_sites_package_is_a_concern_of_its_own(make: MakeSite) -> None:
    folder = make(
        "site",
        tasks__motd_____init__="",
        tasks__motd___text="PATH = '/etc/motd'\n",
        tasks__motd___file=TASK.format(path="/etc/motd", name="greet") + "from tasks.motd.text import PATH\n",
        runbooks__site=RUNBOOK.format(module="motd.file", name="greet"),
    )
    (stage,) = find_runbook(folder, "motd").stages
    assert (concern_of_stage(stage), stage.task.__name__) == ("motd", "greet")
    assert stage.task in [one.task for one in all_stages(folder).stages]


def test_what_a_site_lacks_is_told_by_the_name_that_its_author_wrote(make: MakeSite) -> None:
    folder = make("site", tasks__mine="from tasks.nothing import x\n")
    with pytest.raises(InputError) as error:
        load_tasks(folder)
    assert str(error.value) == f"{folder}/tasks/mine.py:1: ModuleNotFoundError: No module named 'tasks.nothing'"


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("[File(host.nope, '')]", "{folder}/tasks/mine.py:9: AttributeError: 'Host' object has no attribute 'nope'"),
        ("None", "tasks.mine.desired: returns None; return a list of resources"),
        ("[File('/etc/motd', ''), 'x']", "tasks.mine.desired: returns 'x'; return a list of resources"),
    ],
)
def test_a_sites_desired_that_fails_is_told_before_any_connection(make: MakeSite, returned: str, said: str) -> None:
    source = TASK.format(path="/etc/motd", name="greet")
    line = next(line for line in source.splitlines() if line.startswith("    return ["))
    folder = make("site", tasks__mine=source.replace(line, f"    return {returned}"))
    stage = Stage(load_module(folder, TASKS, "mine").greet)
    with pytest.raises(InputError) as error:
        refuse_bad_input(open_site(folder).inventory.hosts.values(), [stage])
    assert str(error.value) == said.format(folder=folder)


@pytest.mark.parametrize("stages", ["greet", "(greet,)", "Stage(greet)"])
def test_a_runbook_without_a_tuple_of_stages_is_told(make: MakeSite, stages: str) -> None:
    source = RUNBOOK.format(module="mine", name="greet").replace("(Stage(greet),)", stages)
    folder = make("site", tasks__mine=TASK.format(path="/etc/motd", name="greet"), runbooks__mine=source)
    with pytest.raises(
        InputError, match=rf"^{folder}/runbooks/mine\.py:4: TypeError: stages is a tuple of Stage; write"
    ):
        find_runbook(folder, "mine")


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("Stage('greet')", "a stage's task is a function; write Stage(my_task)"),
        ("Stage(greet, on='nodes')", "a stage's on is a filter; write on=members('nodes') for a group"),
        ("Stage(greet, rolling=2)", "a stage's rolling is a Rolling; write rolling=Rolling(batch=2)"),
    ],
)
def test_a_stage_of_other_things_is_told_with_what_to_write(make: MakeSite, stage: str, said: str) -> None:
    source = RUNBOOK.format(module="mine", name="greet").replace("Stage(greet)", stage)
    folder = make("site", tasks__mine=TASK.format(path="/etc/motd", name="greet"), runbooks__mine=source)
    with pytest.raises(InputError) as error:
        find_runbook(folder, "mine")
    assert str(error.value) == f"{folder}/runbooks/mine.py:4: TypeError: {said}"


def test_a_sites_judge_that_fails_is_told_with_its_line(make: MakeSite) -> None:
    source = TASK.format(path="/etc/motd", name="greet") + "\ndef judge(host: Host) -> None:\n    host.nope()\n"
    folder = make("site", tasks__mine=source)
    stage = Stage(load_module(folder, TASKS, "mine").greet)
    with pytest.raises(InputError, match=r"/tasks/mine\.py:15: AttributeError: 'Host' object has no attribute 'nope'$"):
        refuse_bad_input(open_site(folder).inventory.hosts.values(), [stage])


def test_a_runbook_module_without_a_runbook_is_told(make: MakeSite) -> None:
    folder = make("site", runbooks__lunch="WHEN = 12\n")
    with pytest.raises(InputError, match=r"^runbooks/lunch\.py: it has no RUNBOOK; write RUNBOOK = "):
        find_runbook(folder, "lunch")


def test_a_section_of_a_site_is_no_section_of_another(make: MakeSite) -> None:
    own = "from typing import ClassVar\nfrom moor.settings import Section\n\nclass Motd(Section):\n"
    one, other = make("one", tasks__motd=f"{own}    section: ClassVar[str] = 'motd'\n"), make("other")
    assert "motd" in collect_sections(load_tasks(one))
    assert "motd" not in collect_sections(load_tasks(other))


def test_a_scripts_own_package_tasks_is_imported_after_a_site_was_opened(make: MakeSite, tmp_path: Path) -> None:
    folder = make("site", tasks__mine="WHOSE = 'site'\n")
    (tmp_path / "script/tasks").mkdir(parents=True)
    (tmp_path / "script/tasks/__init__.py").touch()
    (tmp_path / "script/tasks/mine.py").write_text("WHOSE = 'script'\n")
    (tmp_path / "script/run.py").write_text(
        dedent(f"""\
            from pathlib import Path
            from moor.sites.site import open_site
            open_site(Path({str(folder)!r}))
            from tasks.mine import WHOSE
            print(WHOSE)
            """)
    )
    done = subprocess.run([sys.executable, tmp_path / "script/run.py"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("script\n", "")


@pytest.mark.parametrize(("words", "name"), [(["diagnose"], "diagnose"), (["cert", "renew", "--yes"], "rotation")])
def test_a_sites_own_runbook_of_a_command_has_to_bring_what_the_command_needs(
    make: MakeSite, words: list[str], name: str
) -> None:
    bare = f"from moor.run.runbook import Runbook\nRUNBOOK = Runbook({name!r}, 'Nothing.', ())\n"
    folder = make("site", **{f"runbooks__{name}": bare})
    write_site(folder, {"inventory/hosts.yaml": "here: {groups: [harbor]}\n", "inventory/groups.yaml": "harbor: {}\n"})
    done = moor_here(folder, *words)
    assert done.returncode == 1
    assert f"runbooks/{name}.py: RUNBOOK.command is no " in done.stderr
