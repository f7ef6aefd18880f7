"""The served page: read-only, for this machine only, and always current."""

from __future__ import annotations

import gc
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from moor.cli.commands.pages import parse_listen
from moor.errors import InputError
from moor.output.pages.server import is_loopback
from moor.settings import SiteSettings
from tests.harness.commands import moor_here, started
from tests.output.pages.conftest import Show

ROOT = Path(__file__).parents[3]


@dataclass
class Served:
    """A server that was started like a user starts it."""

    process: subprocess.Popen[str]
    url: str
    said: str


@contextmanager
def serving(settings: SiteSettings, tmp_path: Path, *words: str) -> Iterator[Served]:
    """Start a server; ``words`` are what starts it where that is not the test itself."""
    shutil.copy(ROOT / "config.yaml", tmp_path)
    shutil.copytree(ROOT / "inventory", tmp_path / "inventory")
    shutil.copytree(settings.state, tmp_path / ".moor")
    with started(tmp_path, "serve", "--listen", "127.0.0.1:0", under=words) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), line
        yield Served(process, line.split()[0], line)


@pytest.fixture
def served(settings: SiteSettings, tmp_path: Path) -> Iterator[Served]:
    with serving(settings, tmp_path) as server:
        yield server


def test_only_the_page_is_served_and_read_only(served: Served) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        answer = client.get("/")
        assert answer.status_code == 200
        assert "node1" in answer.text
        assert 'http-equiv="refresh"' in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert client.head("/").status_code == 200
        assert [client.request(method, "/").status_code for method in ("POST", "PUT", "DELETE", "OPTIONS")] == [405] * 4
        assert [client.get(path).status_code for path in ("/x", "/../config.yaml", "/.moor/history.db")] == [404] * 3


def test_a_website_cannot_read_it_through_a_name_of_its_own(served: Served) -> None:
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        assert client.get("/", headers={"Host": "evil.example.net"}).status_code == 403
        assert client.get("/", headers={"Host": "localhost:1"}).status_code == 200


def test_a_browser_shows_it_without_errors(served: Served, show: Show) -> None:
    browser = show(url=served.url.replace("127.0.0.1", "localhost"))
    assert "fleet" in browser.title
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []  # type: ignore[no-untyped-call]


def test_ctrl_c_ends_it(served: Served) -> None:
    assert served.said.endswith("(Ctrl-C ends)\n")
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(timeout=10) in (0, 130)
    assert served.process.stderr
    assert "Traceback" not in served.process.stderr.read()


def test_where_ctrl_c_is_ignored_it_says_how_to_stop_it(settings: SiteSettings, tmp_path: Path) -> None:
    """As for what a script starts with ``&``."""
    with serving(settings, tmp_path, "sh", "-c", 'trap "" INT; exec "$@"', "sh") as served:
        served.process.send_signal(signal.SIGINT)
        assert served.said.endswith(f"(Ctrl-C is ignored here; kill {served.process.pid} ends)\n")
        assert httpx.get(served.url, trust_env=False).status_code == 200
        subprocess.run(["kill", str(served.process.pid)], check=True)
        assert served.process.wait(timeout=10) in (0, 130)


@pytest.mark.parametrize(("text", "found"), [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:1", ("::1", 1))])
def test_listen_takes_an_address_and_a_port(text: str, found: tuple[str, int]) -> None:
    assert parse_listen(text) == found


@pytest.mark.parametrize(
    "text", ["", "8080", ":8080", "localhost", "a:b", "a:99999", "a:\u00b2", "[::1", "[]:1", "::1:1", "a:-1"]
)
def test_another_form_of_listen_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="ADDRESS:PORT"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("999.1.1.1:80", "999.1.1.1 is no address or name of this machine; write one, as in 127.0.0.1:8080"),
        (f"{'a' * 80}.x:80", f"{'a' * 80}.x is no address or name of this machine; write one, as in 127.0.0.1:8080"),
        ("..:80", ".. is no address or name of this machine; write one, as in 127.0.0.1:8080"),
        ("192.0.2.1:8080", "this machine has no such address; write one of its own, or 0.0.0.0 for all of them"),
        ("127.0.0.1:{taken}", "another program listens there; choose another port"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_one_clear_error(listen: str, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = listen.format(taken=taken.getsockname()[1])
        done = moor_here(ROOT, "serve", "--listen", listen)
    assert (done.returncode, done.stderr) == (1, f"moor: --listen {listen}: {said}\n")
    gc.collect()  # a socket that was left open is a warning here, and not in whichever test comes next


@pytest.mark.parametrize(
    ("address", "own"), [("localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("x", False)]
)
def test_only_this_machine_reaches_loopback(address: str, own: bool) -> None:
    assert is_loopback(address) == own
