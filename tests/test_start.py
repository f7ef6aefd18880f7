"""What a command does not need is not imported: a check of a small fleet takes about as long as its imports."""

import subprocess
import sys

HELP = "from moor.cli import main\nmain(['--help'])"
HISTORY = "import moor.history.recording"
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


def test_a_history_in_a_file_imports_nothing_of_postgresql() -> None:
    assert imported(HISTORY) & {"sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite"} == {
        "sqlalchemy.dialects.sqlite"
    }
