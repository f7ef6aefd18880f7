"""What a command does not need is not imported: a check of a small fleet takes about as long as its imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from moor.history.recording import record
from moor.settings import SiteSettings
from tests.harness.commands import moor
from tests.harness.sites import write_site
from tests.harness.sshd import Sshd
from tests.history.reports import a_run

HELP = "from moor.cli import main\nmain(['--help'])"
OPEN = "from moor.settings.modules import SHIPPED\nfrom moor.sites.site import open_site\nopen_site(SHIPPED)"
HERE = """
from nornir.core.plugins.connections import ConnectionPluginRegister
from moor.connections.local import LocalPlugin
ConnectionPluginRegister.available["shell"] = LocalPlugin
"""
SITE = {
    "tasks/motd.py": """
from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from moor.api import File, Runbook, Stage, converge
def desired(host: Host) -> list[File]:
    return [File(f"/nowhere/{host.name}", "mine")]
def write_motd(task: Task) -> Result:
    return converge(task, desired)
""",
    "runbooks/motd.py": """
from tasks.motd import write_motd
from moor.api import Runbook, Stage
RUNBOOK = Runbook("motd", "About this host.", (Stage(write_motd),))
""",
}
# What a command imports beside Python's own library. A library that comes in here costs each start of moor; one that
# only some fleets need is imported where it is used.
COMMAND_LINE = {"moor", "moor_lab", "typer", "annotated_doc", "shellingham"}
RUNS = COMMAND_LINE | {"nornir", "ruamel", "pydantic", "pydantic_core", "annotated_types"}
RUNS |= {"typing_extensions", "typing_inspection", "moor_sites"}


def imported(code: str) -> set[str]:
    """Run Python, and give the packages and modules that it has imported by its end."""
    end = (
        f"import sys\ntry:\n    exec({code!r})\nexcept SystemExit: pass\n"
        "print('\\n', *(name for name, module in sys.modules.items() if type(module).__name__ != 'DeferredImport'), "
        "file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", end], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stderr.splitlines()[-1].split())


def libraries(modules: set[str]) -> set[str]:
    """Return the packages that are not Python's own, without what the environment imports by itself."""
    names = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names
    return {name for name in names if not name.startswith("_")} - {"sitecustomize", "usercustomize", "cython_runtime"}


def typed(site: Path, *words: str) -> str:
    return f"from moor.cli import main\nmain({[*words, '--site', str(site)]!r})"


def test_help_imports_no_library_at_all() -> None:
    assert libraries(imported(HELP)) <= {"moor", "moor_lab"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path, {"inventory/hosts.yaml": {"node1": {"hostname": "127.0.0.1"}}, **SITE})


def test_a_plan_imports_what_every_run_needs(site: Path) -> None:
    assert libraries(imported(HERE + typed(site, "plan", "motd"))) <= RUNS


def test_a_drift_check_imports_no_more_than_a_plan(site: Path) -> None:
    command = HERE + typed(site, "drift", "--runbook", "motd")
    assert "sqlalchemy" in imported(command)  # the first creates the history
    assert libraries(imported(command)) <= RUNS
    assert len(moor(site, "history", "--output", "json").report["runs"]) == 2


def test_a_plan_imports_the_library_alone_by_which_hosts_are_reached(tmp_path: Path) -> None:
    with Sshd(tmp_path / "sshd") as sshd:
        extras = {"key_file": str(sshd.key), "known_hosts": str(sshd.known_hosts), "backend": "libssh2"}
        host = {"hostname": "127.0.0.1", "port": sshd.port, "username": "root"}
        inventory = {"node1": {**host, "connection_options": {"shell": {"extras": extras}}}}
        site = write_site(tmp_path / "site", {"inventory/hosts.yaml": inventory, **SITE})
        assert libraries(imported(typed(site, "plan", "motd"))) <= RUNS | {"ssh2"}
        assert moor(site, "plan", "motd").returncode == 2


def test_opening_a_site_imports_no_connection_and_no_database() -> None:
    heavy = {"netmiko", "paramiko", "lightkube", "yaml", "httpx", "httpx2", "sqlalchemy", "rich.console", "tomlkit"}
    heavy |= {"requests", "pynetbox", "nornir_netbox", "cryptography.x509", "jinja2"}
    assert imported(OPEN) & (heavy | {"prometheus_client", "apprise", "ssh"}) == set()


def test_a_history_in_a_file_that_is_up_to_date_is_read_and_written_without_sqlalchemy(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    assert record(settings, a_run({"node1": {"file:/a": "drift"}}), frozenset({"node1"})).trouble == ""
    code = (
        f"from pathlib import Path; from moor.settings import SiteSettings\n"
        f"from moor.history import database, pending, reading, recording\n"
        f"from tests.history.reports import a_run\n"
        f"settings = SiteSettings.at(Path({str(tmp_path)!r}), state=Path({str(settings.state)!r}))\n"
        f"report = a_run({{'node1': {{'file:/a': 'ok'}}}}); report.run = 'other'\n"
        f"assert recording.record(settings, report, frozenset({{'node1'}})).trouble == ''\n"
        f"pending.mark_sent(settings, pending.pending_notices(settings))\n"
        f"with database.connected(settings, writing=False) as connection:\n"
        f"    assert len(reading.History(connection).runs()) == 2"
    )
    assert imported(code) & {"sqlalchemy", "alembic"} == set()
