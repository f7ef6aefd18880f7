"""What a command does not need is not imported: a check of a small fleet takes about as long as its imports."""

import subprocess
import sys
from pathlib import Path

from moor.history.recording import record
from moor.settings import SiteSettings
from tests.history.reports import a_run

HELP = "from moor.cli import main\nmain(['--help'])"
OPEN = "from moor.sites.site import SHIPPED, open_site\nopen_site(SHIPPED)"


def imported(code: str) -> set[str]:
    """Run Python, and give the packages and modules that it has imported by its end."""
    end = f"import sys\ntry:\n    exec({code!r})\nexcept SystemExit: pass\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", end], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stderr.split())


def test_help_imports_the_command_line_alone() -> None:
    heavy = {"pydantic", "nornir", "sqlalchemy", "paramiko", "cryptography", "jinja2", "rich.console", "lab.lab"}
    assert imported(HELP) & heavy == set()


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
