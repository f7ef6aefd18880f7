"""What an operator installs: the wheel, and requirements.txt; both without anything of tests and checks."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.harness.sites import write_site

ROOT = Path(__file__).parents[1]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", re.MULTILINE)
OF_DEVELOPERS = {"pytest", "mypy", "ruff", "selenium", "pyjwt", "hypothesis", "grpcio", "editables"}
NOT_IMPORTABLE = ["pytest", "mypy", "ruff", "selenium", "jwt", "hypothesis", "grpc", "editables"]
OF_THE_CHECKOUT = ["tasks", "runbooks", "lab", "bench", "tests", "templates", "examples"]
DATA = {
    ".py",
    ".css",
    ".j2",
    ".jinja",
    ".js",
    ".json",
    ".sh",
    ".tmpl",
    ".typed",
    ".yaml",
    "",
    ".txt",
    ".md",
    ".bash",
    ".zsh",
    ".fish",
}
PREFIX = "moor_fleet-"
LINKED = {
    "tasks": "moor/tasks",
    "runbooks": "moor/runbooks",
    "templates": "moor/shipped_templates",
    "examples": "moor/examples",
}
SITE = {
    "config.yaml": "inventory: {plugin: FleetInventory}\nlogging: {enabled: false}\n",
    "inventory/hosts.yaml": "here: {groups: [harbor]}\n",
    "inventory/groups.yaml": "harbor: {}\n",
    "inventory/defaults.yaml": "data: {registry: {name: registry.moor.test, address: 10.9.0.11}, "
    "pki: {passphrase: file:passphrase}}\n",
    "tasks/pulls.py": """\
from pathlib import Path
from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from moor.api import File, converge, render

FOLDER = Path(__file__).parents[1] / "host"

def desired(host: Host) -> list[File]:
    text = render("hosts.toml.j2", url="https://registry.moor.test", ca="/ca.crt")
    return [File(f"{FOLDER}/hosts.toml", text)]

def pulls(task: Task) -> Result:
    return converge(task, desired(task.host))
""",
    "runbooks/pulls.py": """\
from moor.api import Runbook, Stage
from tasks.pulls import pulls

RUNBOOK = Runbook("pulls", "Where containerd asks.", (Stage(pulls),))
""",
    # moor with a host that is this machine, as an operator of it would be who tries a task
    "local.py": """\
import sys
from nornir.core.plugins.connections import ConnectionPluginRegister
from moor.cli import main
from moor.connections.local import LocalPlugin
from moor.engine import script

folder, *words = sys.argv[1:]
script.RUNS, script.LOCK = f"{folder}/host/runs", f"{folder}/host/lock"
ConnectionPluginRegister.auto_register()
ConnectionPluginRegister.available["shell"] = LocalPlugin
main([*words, "--site", folder])
""",
}


def pinned() -> list[str]:
    return PINNED.findall((ROOT / "requirements.txt").read_text())


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def run(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd or Path("/"))


def built(source: Path, target: Path) -> Path:
    """Build the wheel of a source tree without an index."""
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    done = run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", target, source)
    assert done.returncode == 0, done.stderr
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, tmp_path_factory.mktemp("wheel"))


def names_in(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def required_by(wheel: Path) -> list[Requirement]:
    """Return what a wheel asks for without extras."""
    with ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    asked = [Requirement(line.partition(": ")[2]) for line in lines if line.startswith("Requires-Dist: ")]
    return [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]


def needed(requirements: Iterable[Requirement]) -> set[str]:
    """Return the distributions that requirements lead to, as they are installed here."""
    found: set[tuple[str, frozenset[str]]] = set()
    left = [(one.name, frozenset(one.extras)) for one in requirements]
    while left:
        name, extras = one = left.pop()
        if one in found:
            continue
        found.add(one)
        for further in map(Requirement, importlib.metadata.requires(name) or ()):
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
                left.append((further.name, frozenset(further.extras)))
    return {name for name, _ in found}


def installed(directory: Path, distributions: Iterable[str], wheel: Path) -> Path:
    """Make an environment of some distributions, by links to those installed here, and of the wheel."""
    venv.create(directory, symlinks=True)
    site = next(directory.glob("lib/python3*/site-packages"))
    for name in distributions:
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    python = directory / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    done = run(*pip, "install", "--no-deps", "--no-index", "--quiet", wheel)
    assert done.returncode == 0, done.stderr
    checked = run(*pip, "check")
    assert (checked.returncode, checked.stdout) == (0, "No broken requirements found.\n")
    return python


@pytest.fixture(scope="module")
def pinned_python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """Return a Python that has the libraries of requirements.txt and moor."""
    return installed(tmp_path_factory.mktemp("pinned"), pinned(), wheel)


@pytest.fixture(scope="module")
def plain_python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """Return a Python that has what the wheel asks for without extras, as pipx and uv tool would install it."""
    return installed(tmp_path_factory.mktemp("plain"), needed(required_by(wheel)), wheel)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write a site whose one host is this machine, with a task and a runbook of its own."""
    folder = write_site(tmp_path / "site", SITE, {"passphrase": "for nobody's eyes\n"})
    (folder / "host").mkdir()
    return folder


def test_nothing_of_tests_and_checks_is_installed_for_an_operator(plain_python: Path, pinned_python: Path) -> None:
    assert OF_DEVELOPERS.isdisjoint(name.lower() for name in pinned())
    question = "import sys; from importlib.util import find_spec; print([n for n in sys.argv[1:] if find_spec(n)])"
    for python in (plain_python, pinned_python):
        assert run(python, "-c", question, *NOT_IMPORTABLE, *OF_THE_CHECKOUT).stdout == "[]\n"


def test_what_is_pinned_for_an_operator_is_pinned_for_developers_too() -> None:
    def lines(name: str) -> set[str]:
        return {line.split(" ")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}

    assert lines("requirements.txt") <= lines("requirements-dev.txt")


def test_the_constraints_pin_what_the_requirements_pin_and_pip_takes_them_for_a_wheel(
    plain_python: Path, wheel: Path
) -> None:
    """With hashes among them, pip would ask for one of the wheel too."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    pins = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert found == pins
    pip = (sys.executable, "-m", "pip", "--python", plain_python, "install", "--no-deps", "--no-index", "--dry-run")
    done = run(*pip, "--constraint", ROOT / "constraints.txt", wheel)
    assert done.returncode == 0, done.stderr


def test_each_library_has_what_it_asks_for() -> None:
    """The same question as `pip check`, over what an operator installs."""
    versions = {plain(name): importlib.metadata.version(name) for name in pinned()}
    lacking = [
        f"{name} asks for {wanted}"
        for name in versions
        for wanted in map(Requirement, importlib.metadata.requires(name) or ())
        if (wanted.marker is None or wanted.marker.evaluate({"extra": ""}))
        and versions.get(plain(wanted.name), "") not in wanted.specifier
    ]
    assert lacking == []


def test_the_wheel_holds_all_that_git_holds_of_the_packages_and_nothing_beside(wheel: Path) -> None:
    names = {name for name in names_in(wheel) if not name.startswith(PREFIX)}
    tracked = run("git", "ls-files", "moor", "moor_lab", *LINKED, cwd=ROOT).stdout.split()
    expected = {
        "/".join([LINKED.get(top, top), rest])
        for top, _, rest in (path.partition("/") for path in tracked if path not in LINKED.values())
    }
    assert names == {*expected, "moor/requirements.txt"}  # which a bundle takes the libraries by
    assert {Path(name).suffix for name in names} <= DATA


def test_a_wheel_out_of_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_sdist; print(build_sdist(sys.argv[1]))"
    name = run(sys.executable, "-c", build, tmp_path, cwd=ROOT).stdout.strip()
    with tarfile.open(tmp_path / name) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    tops = {path.name for path in source.iterdir()}
    assert tops.isdisjoint({*OF_THE_CHECKOUT, ".git", ".venv", ".moor"})
    assert names_in(built(source, tmp_path / "again")) == names_in(wheel)


def test_every_module_can_be_imported_with_an_operators_libraries(pinned_python: Path, wheel: Path) -> None:
    modules = [
        name.removesuffix(".py").replace("/", ".")
        for name in sorted(names_in(wheel))
        if name.startswith("moor/") and name.endswith(".py") and not name.endswith("__.py")
    ]
    assert {"moor.tasks.trust", "moor.runbooks.site"} <= set(modules)
    done = run(pinned_python, "-c", f"import importlib\nfor name in {modules}: importlib.import_module(name)")
    assert done.returncode == 0, done.stderr


def test_the_program_explains_itself(plain_python: Path) -> None:
    program = plain_python.parent / "moor"
    version = importlib.metadata.version("moor-fleet")
    assert run(program, "--version").stdout.startswith(f"moor {version} (Python ")
    for words, word in (([], "apply"), (["lab"], "shell")):
        done = run(program, *words, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert f" {word} " in done.stdout


def test_a_site_is_planned_applied_remembered_and_shown(plain_python: Path, site: Path) -> None:
    def moor(*words: str) -> subprocess.CompletedProcess[str]:
        return run(plain_python, site / "local.py", site, *words, cwd=site)

    planned = moor("plan", "pulls", "--quiet")
    assert (planned.returncode, planned.stderr) == (2, "")
    assert '+server = "https://registry.moor.test' in planned.stdout
    shipped = moor("plan", "pki", "--quiet")
    assert (shipped.returncode, shipped.stderr) == (2, "")
    applied = moor("apply", "pulls", "--yes")
    assert applied.returncode == 0, applied.stderr
    assert "registry.moor.test" in (site / "host/hosts.toml").read_text()
    history = moor("history")
    assert history.returncode == 0, history.stderr
    assert "apply" in history.stdout
    shown = moor("report")
    assert shown.returncode == 0, shown.stderr
    (page,) = site.rglob("*.html")
    assert "<style>" in page.read_text()


def test_a_users_script_opens_a_site_and_keeps_its_own_folder_tasks(plain_python: Path, site: Path) -> None:
    script = """\
from nornir import InitNornir
nr = InitNornir(config_file="../site/config.yaml")
from tasks.mine import WHOSE
print(*nr.inventory.hosts, WHOSE)
"""
    folder = write_site(site.parent / "script", {"tasks/mine.py": "WHOSE = 'script'\n", "run.py": script})
    done = run(plain_python, "run.py", cwd=folder)
    assert (done.stdout, done.stderr) == ("here script\n", "")


def test_an_older_history_is_migrated(plain_python: Path) -> None:
    done = run(plain_python, "-c", "from moor.history.migrations import STEPS; print(len(STEPS))")
    assert int(done.stdout) >= 1, done.stderr


def test_what_lies_beside_the_package_is_not_taken_for_a_sites_own(plain_python: Path, site: Path) -> None:
    """Other distributions may bring a package of such a name, or a folder of templates, into site-packages."""
    packages = next(plain_python.parents[1].glob("lib/python3*/site-packages"))
    alien = {
        "tasks/trust.py": "raise SystemExit('not of moor')\n",
        "runbooks/diagnose.py": "raise SystemExit('not of moor')\n",
        "templates/hosts.toml.j2": "not of moor\n",
    }
    write_site(packages, alien)  # and a config.yaml
    empty = site / "empty"
    empty.mkdir()
    program = plain_python.parent / "moor"
    try:
        explained = run(program, "diagnose", "--event", "x509: certificate signed by unknown authority", cwd=empty)
        checked = run(program, "check", cwd=empty)
        planned = run(plain_python, site / "local.py", site, "plan", "pulls", cwd=site)
    finally:
        for folder in ("tasks", "runbooks", "templates"):
            shutil.rmtree(packages / folder)
        (packages / "config.yaml").unlink()
    assert (explained.returncode, explained.stderr) == (0, "")
    assert (checked.returncode, str(empty) in checked.stderr, str(packages) in checked.stderr) == (1, True, False)
    assert "not of moor" not in planned.stdout
    assert planned.returncode == 2
