"""Outputs kept as files that a person reviews: ``pytest tests/snapshots --snapshot-update`` rewrites them.

A site of four hosts: three are folders of this machine behind a real shell, and nobody listens at the fourth.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

from moor.connections.local import LocalPlugin
from moor.connections.ssh.shell import ShellPlugin
from tests.harness.commands import Done, moor_here
from tests.harness.hosts import NAMES, replaced_plugin
from tests.harness.servers import free_port
from tests.harness.sites import Content, write_site

FILES = Path(__file__).parent
GONE = "delta"  # the host at which nobody listens
WAIVERS = """\
- {host: alpha, id: "file:*/motd", reason: until the upgrade, owner: network, until: 2999-12-31}
"""

# What depends on machine, user or time, and its replacement in the files.
MOMENTS = (
    (r"\d{8}-\d{6}-[0-9a-f]{4}", "20260102-030405-abcd"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", "2026-01-02T03:04:05+00:00"),
    (r"(20[2-4]\d)-\d\d-\d\d \d\d:\d\d", "2026-01-02 03:04"),
    (r'"duration_s": [\d.]+', '"duration_s": 1.5'),
    (r"\b\d+\.\d s\b", "1.5 s"),
)


class Reviewed(SingleFileSnapshotExtension):
    """One file per test and format, in a folder beside the tests."""

    _write_mode = WriteMode.TEXT

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        """Return the folder that has the name of the test's module."""
        return str(Path(test_location.filepath).with_suffix(""))

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: int | str = 0) -> str:
        """Return the name of the test."""
        return test_location.snapshot_name


class Text(Reviewed):
    """Text output."""

    file_extension = "txt"


class Json(Reviewed):
    """JSON output."""

    file_extension = "json"


class Html(Reviewed):
    """The HTML page."""

    file_extension = "html"


KINDS = {kind.file_extension: kind for kind in (Text, Json, Html)}
Same = Callable[..., None]


@pytest.fixture
def same(snapshot: SnapshotAssertion) -> Same:
    """Return a function that compares a text with the test's file of format ``txt``, ``json`` or ``html``."""

    def compare(words: str, kind: str = "txt") -> None:
        assert words == snapshot(extension_class=KINDS[kind])

    return compare


class HereOrBySsh:
    """A connection to a folder of this machine, or by SSH to a host that has a port."""

    def __init__(self) -> None:
        self._real: LocalPlugin | ShellPlugin = LocalPlugin()

    def open(self, hostname: str, username: str, password: str, port: int | None, *more: Any, **options: Any) -> None:
        """Connect to the folder or by SSH."""
        self._real = ShellPlugin() if port else LocalPlugin()
        self._real.open(hostname, username, password, port, *more, **options)

    @property
    def connection(self) -> Any:
        """Return the shell."""
        return self._real.connection

    def close(self) -> None:
        """Close the shell."""
        self._real.close()


@dataclass
class Berth:
    """A site, and a way to run commands on it."""

    folder: Path
    hosts: Path
    port: int

    def __call__(self, *words: str) -> Done:
        """Run a command and return its output without anything that differs from run to run."""
        done = moor_here(self.folder, *words)
        return Done(done.args, done.returncode, self.told(done.stdout), self.told(done.stderr))

    def told(self, words: str) -> str:
        """Replace what depends on machine, user or time."""
        known = {str(self.hosts): "/srv", str(self.folder): "/site", f"127.0.0.1:{self.port}": "127.0.0.1:22"}
        me = f"{self.hosts.owner()}:{self.hosts.group()}"
        for former, new in known.items():
            words = words.replace(former, new)
        words = re.sub(rf"(?<![\w-]){re.escape(me)}(?![\w-])", "root:root", words)
        for pattern, new in MOMENTS:
            words = re.sub(pattern, new, words)
        return words


@pytest.fixture
def berth(tmp_path: Path, host_folder: Path) -> Iterator[Berth]:
    """Write the site with bare hosts."""
    hosts = tmp_path / "hosts"
    for name in NAMES:
        (hosts / name).mkdir(parents=True)
    port = free_port()
    local = {name: {"groups": ["outsiders"], "data": {"custom": {"folder": str(hosts / name)}}} for name in NAMES}
    gone = {GONE: {"hostname": "127.0.0.1", "port": port, "groups": ["outsiders"], "data": local["beta"]["data"]}}
    options = {"allow_agent": False, "known_hosts": "known_hosts"}
    files: dict[str, Content] = {
        "config.yaml": "runner: {plugin: serial}\n",
        "inventory/hosts.yaml": {**local, **gone},
        "inventory/groups.yaml": "outsiders: {}\n",
        "inventory/defaults.yaml": {
            "username": "ops",
            "connection_options": {"shell": {"extras": options}},
            "data": {"registry": {"name": "registry.moor.test", "address": "10.77.0.11"}},
        },
        "known_hosts": "",
    }
    shutil.copytree(FILES / "site", tmp_path / "site", ignore=shutil.ignore_patterns("__pycache__"))
    site = write_site(tmp_path / "site", files)
    with replaced_plugin("shell", HereOrBySsh):  # type: ignore[arg-type]
        yield Berth(site, hosts, port)
