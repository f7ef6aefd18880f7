"""Large files are uploaded once, continued after a lost connection, and verified; in real shells and over sshd."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nornir.core.inventory import ConnectionOptions
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.task import AggregatedResult, MultiResult, Result, Task

from moor.connections.local import LocalPlugin
from moor.connections.ssh.backends import BACKENDS
from moor.connections.ssh.shell import ShellPlugin
from moor.engine.converge import converge
from moor.engine.observation import discard_observation
from moor.progress import TransferProgress, send_progress_to
from moor.resources import archive as uploads
from moor.resources.archive import Archive
from moor.resources.hashed_file import HashedFile, hash_of_file
from moor.resources.upload_script import hash_record_path, part_path
from tests.harness.hosts import MakeFleet, counted, nornir_over
from tests.harness.shells import SHELLS, me
from tests.harness.sshd import Sshd
from tests.harness.waiting import next_second, until

CONTENT = os.urandom(3_000_001)
MB = 1_000_000


@pytest.fixture(params=list(SHELLS))
def in_shell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the hosts' scripts in each kind of shell."""
    monkeypatch.setattr(LocalPlugin, "argv", tuple(SHELLS[request.param]))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Return an archive that the host does not have yet, with a name that needs quoting."""
    source = tmp_path / "source.tgz"
    source.write_bytes(CONTENT)
    return Archive(f"{tmp_path}/alpha/deep/it's a $(name) é.tgz", source, mode="0640", owner=me(tmp_path))


def run(
    fleet: MakeFleet, resource: Archive, dry_run: bool = False, plugin: dict[str, object] | None = None
) -> MultiResult:
    def give(task: Task) -> Result:
        return converge(task, [resource])

    nr = fleet(dry_run=dry_run).filter(name="alpha")
    for host in nr.inventory.hosts.values():
        discard_observation(host)
        if plugin:
            host.hostname, host.port, host.username = "127.0.0.1", plugin["port"], "root"  # type: ignore[assignment]
            host.connection_options["shell"] = ConnectionOptions(extras=plugin["extras"])  # type: ignore[arg-type]
    try:
        result: AggregatedResult = nr.run(task=give)
    finally:
        nr.close_connections(on_good=True, on_failed=True)
    return result["alpha"]


@pytest.mark.usefixtures("in_shell")
def test_an_archive_is_uploaded_once_with_mode_and_owner(fleet: MakeFleet, archive: Archive) -> None:
    assert run(fleet, archive, dry_run=True).changed
    assert not Path(archive.path).exists()
    result = run(fleet, archive)
    assert (result.changed, result.failed) == (True, False)
    assert Path(archive.path).read_bytes() == CONTENT
    assert Path(archive.path).stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(Path(archive.path).parent)) == sorted(
        [Path(archive.path).name, Path(hash_record_path(archive.path)).name]
    )
    assert not run(fleet, archive).changed


@pytest.mark.usefixtures("in_shell")
def test_only_the_missing_part_is_sent(fleet: MakeFleet, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(TransferProgress, "__call__", lambda _, moved: sent.append(moved))
    part = Path(part_path(archive.path))
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:2_000_000])
    assert run(fleet, archive).changed
    assert sent[-1] == 1_000_001
    assert Path(archive.path).read_bytes() == CONTENT


@pytest.mark.usefixtures("in_shell")
@pytest.mark.parametrize("held", [b"something else", CONTENT + b"and more", b""])
def test_a_part_of_another_content_is_sent_again(fleet: MakeFleet, archive: Archive, held: bytes) -> None:
    part = Path(part_path(archive.path))
    part.parent.mkdir(parents=True)
    part.write_bytes(held)
    assert run(fleet, archive).changed
    assert Path(archive.path).read_bytes() == CONTENT
    assert not part.exists()


@pytest.mark.usefixtures("in_shell")
def test_other_content_is_replaced_and_leftover_parts_are_removed(fleet: MakeFleet, archive: Archive) -> None:
    path = Path(archive.path)
    path.parent.mkdir(parents=True)
    path.write_text("former")
    old = path.with_name(path.name + ".part-0123456789abcdef")
    old.write_text("abandoned")
    others = path.with_name(path.name + ".part-aa")
    others.write_text("made by split")
    assert run(fleet, archive).changed
    assert path.read_bytes() == CONTENT
    assert not old.exists()
    assert others.exists()


@pytest.mark.usefixtures("in_shell")
def test_a_correct_file_from_another_source_is_verified_and_not_sent(
    fleet: MakeFleet, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(TransferProgress, "__call__", lambda _, moved: sent.append(moved))
    Path(archive.path).parent.mkdir(parents=True)
    Path(archive.path).write_bytes(CONTENT)
    planned = run(fleet, archive, dry_run=True)
    assert "not verified since it was last touched" in planned[1].diff
    assert run(fleet, archive).changed
    assert sent == []
    assert not run(fleet, archive).changed


@pytest.mark.usefixtures("in_shell")
def test_a_file_changed_by_others_is_noticed_without_hashing_it(
    fleet: MakeFleet, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(fleet, archive)
    scripts = counted(monkeypatch)
    path = Path(archive.path)
    status = path.stat()
    next_second()  # busybox tells whole seconds
    path.write_bytes(bytes(len(CONTENT)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the same size and time of change
    assert run(fleet, archive, dry_run=True).changed
    assert "sha256sum" not in scripts[0]
    assert run(fleet, archive).changed
    assert path.read_bytes() == CONTENT


@pytest.mark.usefixtures("in_shell")
def test_a_wrong_mode_is_mended_without_an_upload(
    fleet: MakeFleet, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(fleet, archive)
    Path(archive.path).chmod(0o600)
    sent: list[int] = []
    monkeypatch.setattr(TransferProgress, "__call__", lambda _, moved: sent.append(moved))
    assert run(fleet, archive).changed
    assert (Path(archive.path).stat().st_mode & 0o777, sent) == (0o640, [])


@pytest.mark.usefixtures("in_shell")
def test_a_source_with_another_hash_takes_nothings_place(fleet: MakeFleet, archive: Archive) -> None:
    wrong = Archive(archive.path, archive.source, "0" * 64, owner=archive.owner)
    path = furnished(archive, b"former")
    result = run(fleet, wrong)
    assert f"{archive.source}: not the file that sha256 names, {'0' * 64}" in str(result[0].exception)
    assert path.read_bytes() == b"former"
    assert list(path.parent.iterdir()) == [path]


def furnished(archive: Archive, content: bytes) -> Path:
    """Put a file in the archive's place, and return its path."""
    path = Path(archive.path)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


@pytest.mark.usefixtures("in_shell")
def test_a_plan_of_a_file_that_is_not_there_reads_nothing_of_the_source(fleet: MakeFleet, archive: Archive) -> None:
    with archive.source.open("r+b") as source:
        source.truncate(10**13)  # reading so many zeros would take an hour
    planned = run(fleet, archive, dry_run=True)
    assert "size: (none) -> 10000000000000 bytes" in planned[1].diff
    furnished(archive, b"former")
    assert "size: 6 bytes -> 10000000000000 bytes" in run(fleet, archive, dry_run=True)[1].diff


def test_a_missing_source_is_an_error_of_the_plan_unless_the_host_has_the_file(
    fleet: MakeFleet, archive: Archive
) -> None:
    known = Archive(archive.path, archive.source, hash_of_file(archive.source), archive.mode, archive.owner)
    run(fleet, known)
    archive.source.unlink()
    assert not run(fleet, known).changed
    Path(archive.path).unlink()
    result = run(fleet, known, dry_run=True)
    assert "is to be uploaded, and is not there" in str(result[0].exception)


def test_a_directory_in_its_place_is_an_error(fleet: MakeFleet, archive: Archive) -> None:
    Path(archive.path).mkdir(parents=True)
    assert "a directory is in its place" in str(run(fleet, archive)[0].exception)


def test_too_little_space_is_an_error_before_the_upload(fleet: MakeFleet, tmp_path: Path) -> None:
    source = tmp_path / "huge"
    with source.open("wb") as file:
        file.truncate(200 * MB)
    archive = Archive("/sys/moor-test", source, owner=me(tmp_path))
    assert run(fleet, archive).failed  # nothing can be written there
    full = Archive("/dev/shm/moor-test/huge", source, owner=me(tmp_path))  # noqa: S108
    mounted = os.system("mkdir -p /dev/shm/moor-test && mount -t tmpfs -o size=10m tmpfs /dev/shm/moor-test")  # noqa: S605
    assert mounted == 0
    try:
        assert "200 MB are to be uploaded and 10 MB are free" in str(run(fleet, full)[0].exception)
    finally:
        os.system("umount /dev/shm/moor-test && rmdir /dev/shm/moor-test")  # noqa: S605


@pytest.mark.usefixtures("in_shell")
def test_a_disk_that_fills_during_the_upload_is_an_error_and_the_part_is_kept(
    fleet: MakeFleet, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Archive, "_usable", lambda *_: 0)  # somebody else takes the room after it was looked at
    small = Archive("/dev/shm/moor-test/huge", archive.source, owner=archive.owner)  # noqa: S108
    part = Path(part_path(small.path))
    mounted = os.system("mkdir -p /dev/shm/moor-test && mount -t tmpfs -o size=2m tmpfs /dev/shm/moor-test")  # noqa: S605
    assert mounted == 0
    try:
        Path(small.path).write_bytes(b"former")
        result = run(fleet, small)
        assert "No space left on device" in str(result[0].exception)
        assert Path(small.path).read_bytes() == b"former"
        assert part.read_bytes() == CONTENT[: part.stat().st_size]
    finally:
        os.system("umount /dev/shm/moor-test && rmdir /dev/shm/moor-test")  # noqa: S605


def during_the_upload(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object], after: int = MB) -> None:
    """Have something happen once, as soon as so many bytes are sent."""
    waiting = [happens]
    monkeypatch.setattr(
        TransferProgress, "__call__", lambda _, moved: waiting.pop()() if moved > after and waiting else None
    )


def append(path: Path, content: bytes) -> None:
    """Append to a file."""
    with path.open("ab") as file:
        file.write(content)


def zeroed(path: Path) -> None:
    """Write zeros over a file, in place, with its former time of change."""
    status = path.stat()
    with path.open("r+b") as file:
        file.write(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.usefixtures("in_shell")
@pytest.mark.parametrize(
    "happens",
    [zeroed, lambda path: os.truncate(path, 2 * MB), lambda path: append(path, b"more")],
    ids=["overwritten", "cut", "grown"],
)
def test_a_source_that_changes_during_the_upload_takes_nothings_place(
    fleet: MakeFleet, archive: Archive, happens: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = furnished(archive, b"former")
    with monkeypatch.context() as patched:
        during_the_upload(patched, lambda: happens(archive.source))
        result = run(fleet, archive)
    assert f"{archive.source}: it was changed while it was read" in str(result[0].exception)
    assert path.read_bytes() == b"former"
    assert run(fleet, archive).changed
    assert path.read_bytes() == archive.source.read_bytes()


@pytest.mark.usefixtures("in_shell")
def test_two_uploads_of_one_file_at_a_time_put_nothing_mixed_in_place(
    fleet: MakeFleet, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, part = furnished(archive, b"former"), Path(part_path(archive.path))

    def begin_another() -> None:
        part.unlink()
        part.write_bytes(bytes(len(CONTENT)))

    with monkeypatch.context() as patched:
        during_the_upload(patched, begin_another)
        assert "another upload of" in str(run(fleet, archive)[0].exception)
    assert path.read_bytes() == b"former"
    with monkeypatch.context() as patched:
        during_the_upload(patched, lambda: append(part, b"mixed in"))
        assert f"bytes are there, {len(CONTENT)} were to be sent" in str(run(fleet, archive)[0].exception)
    assert path.read_bytes() == b"former"
    assert run(fleet, archive).changed
    assert path.read_bytes() == CONTENT


@pytest.mark.usefixtures("in_shell")
def test_a_part_that_is_a_link_is_not_written_through(fleet: MakeFleet, archive: Archive, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(CONTENT[:MB])
    furnished(archive, b"former")
    Path(part_path(archive.path)).symlink_to(elsewhere)
    assert run(fleet, archive).changed
    assert Path(archive.path).read_bytes() == CONTENT
    assert elsewhere.read_bytes() == CONTENT[:MB]


@pytest.mark.usefixtures("in_shell")
@pytest.mark.parametrize(
    ("programs", "error"),
    [
        ({"sha256sum": "exit 1"}, ""),
        ({"openssl": "exit 1"}, ""),
        ({"openssl": "echo unknown option"}, ""),
        ({"openssl": "exit 1", "sha256sum": "exit 127"}, "no program here computes a SHA-256"),
    ],
    ids=["openssl", "sha256sum", "an odd openssl", "neither"],
)
def test_any_program_that_computes_the_hash_will_do(
    fleet: MakeFleet,
    archive: Archive,
    programs: dict[str, str],
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    result = run(fleet, archive)
    assert error in str(result[0].exception or "")
    assert Path(archive.path).exists() == (not error)


@given(content=st.binary(max_size=300), kept=st.integers(0, 400), pieces=st.integers(1, 99))
def test_the_hash_of_what_is_read_in_pieces_is_the_files(content: bytes, kept: int, pieces: int) -> None:
    with NamedTemporaryFile() as held:
        Path(held.name).write_bytes(content)
        with HashedFile(Path(held.name)) as file:
            assert file.skip(kept) == hashlib.sha256(content[:kept]).hexdigest()
            assert b"".join(iter(lambda: file.read(pieces), b"")) == content[kept:]
            assert file.finish() == hashlib.sha256(content).hexdigest()


def noted(offsets: list[int], usable: Callable[..., int]) -> Callable[..., int]:
    """Return ``usable``, changed so that it appends where each upload begins to ``offsets``."""

    def usable_and_noted(*given: Any) -> int:
        offsets.append(usable(*given))
        return offsets[-1]

    return usable_and_noted


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_upload_continues_where_a_lost_connection_stopped_it(
    fleet: MakeFleet, archive: Archive, tmp_path: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[int] = []
    monkeypatch.setattr(Archive, "_usable", noted(began, Archive._usable))
    archive.source.write_bytes(os.urandom(60 * MB))
    ConnectionPluginRegister.available["shell"] = ShellPlugin
    with Sshd(tmp_path / "sshd") as sshd:
        monkeypatch.setattr(
            TransferProgress, "__call__", lambda _, moved: sshd.cut() if len(began) == 1 and moved > 9 * MB else None
        )
        result = run(fleet, archive, plugin=sshd.options(backend=backend))
    assert (result.changed, result.failed) == (True, False)
    assert began[0] == 0
    assert 4 * MB < began[1] < 60 * MB
    assert hashlib.sha256(Path(archive.path).read_bytes()).hexdigest() == hash_of_file(archive.source)


def upload_until_killed(source: str, target: str, port: int, extras: str) -> None:
    """Upload a file, and kill this process by SIGKILL in the midst of it."""
    ConnectionPluginRegister.auto_register()
    TransferProgress.__call__ = lambda _, moved: os.kill(os.getpid(), 9) if moved > 9 * MB else None  # type: ignore[method-assign,assignment]
    with TemporaryDirectory() as folder:
        nr = nornir_over(Path(folder), dry_run=False).filter(name="alpha")
        host = nr.inventory.hosts["alpha"]
        host.hostname, host.port, host.username = "127.0.0.1", int(port), "root"
        host.connection_options["shell"] = ConnectionOptions(extras=json.loads(extras))
        nr.run(task=lambda task: converge(task, [Archive(target, Path(source))]))


def test_an_upload_continues_where_a_killed_controller_stopped(
    fleet: MakeFleet, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[int] = []
    archive.source.write_bytes(os.urandom(60 * MB))
    path, part = furnished(archive, b"former"), Path(part_path(archive.path))
    ConnectionPluginRegister.available["shell"] = ShellPlugin
    with Sshd(tmp_path / "sshd") as sshd:
        options = sshd.options()
        words = "import sys; from tests.resources.test_archive import upload_until_killed as u; u(*sys.argv[1:])"
        given = (str(archive.source), archive.path, str(sshd.port), json.dumps(options["extras"]))
        killed = subprocess.run([sys.executable, "-c", words, *given], check=False, timeout=60)
        assert killed.returncode == -9
        until(lambda: not writers_of(part), "the host notices", 10)
        assert path.read_bytes() == b"former"
        monkeypatch.setattr(Archive, "_usable", noted(began, Archive._usable))
        result = run(fleet, archive, plugin=options)
    assert (result.changed, result.failed) == (True, False)
    assert 4 * MB < began[0] < 60 * MB
    assert path.read_bytes() == archive.source.read_bytes()
    assert not part.exists()


def writers_of(path: Path) -> list[Path]:
    """Return the descriptors of any process that are open on a path."""
    found = []
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if descriptor.readlink() == path:
                found.append(descriptor)
    return found


def test_an_upload_to_a_host_that_stays_unreachable_ends_with_the_cause(
    fleet: MakeFleet, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PAUSES_S", (0.1, 0.1))
    archive.source.write_bytes(os.urandom(20 * MB))
    ConnectionPluginRegister.available["shell"] = ShellPlugin
    with Sshd(tmp_path / "sshd") as sshd:
        monkeypatch.setattr(TransferProgress, "__call__", lambda _, moved: sshd.stop())
        result = run(fleet, archive, plugin=sshd.options())
    assert "connection refused" in str(result[0].exception)


def test_progress_shows_share_rate_and_time_left() -> None:
    seconds = iter([0.0, 1.0, 4.0, 5.0, 64.0])
    meter = TransferProgress("node1: uploading x.tgz", 1000 * MB, 100 * MB, lambda: next(seconds))
    lines: list[str] = []
    with send_progress_to(lines.append):
        for moved in (10, 40, 50, 640):
            meter(moved * MB)
    assert lines == [
        "node1: uploading x.tgz: 14% of 1000 MB, 10.0 MB/s, 1 min 26 s left",
        "node1: uploading x.tgz: 74% of 1000 MB, 10.0 MB/s, 26 s left",
    ]
