"""The rehearsal of a restore: the database goes into a throw-away PostgreSQL, and every blob is verified."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from shlex import quote

from nornir.core.task import Result, Task

from moor.connections.ssh.shell import Shell
from moor.engine.asking import shell_of
from moor.engine.results import ResourceResult
from moor.errors import ErrorKind, HostError
from moor.progress import LOGGER, MB, TransferProgress
from moor.tasks.backup.database import (
    CONTAINER,
    DATABASE,
    FIND_IMAGE,
    LOADED,
    Connection,
    Content,
    count_program,
    load_program,
    parse_content,
)
from moor.tasks.backup.manifests import missing_blobs
from moor.tasks.backup.opened import OpenedBackup, opened_backup
from moor.tasks.backup.parts import DATABASE as DUMP
from moor.tasks.backup.parts import LONGEST_S, need_success
from moor.tasks.backup.record import Counts, describe_counts

PLACE = "moor-rehearsal"  # the container's name
READY_S = 120
# The image starts a first PostgreSQL to fill it; the one that stays is the container's first process.
READY = f"read -r c < /proc/1/comm && [ $c = postgres ] && psql -U postgres -d {DATABASE} -XAtqc 'select 1'"
SHOWN = 5


def rehearse_restore(task: Task) -> Result:
    """Restore a backup's database into a throw-away container, count what it holds, and verify every blob.

    Raises:
        HostError: the backup cannot be relied on.
    """
    backup, shell = opened_backup(task), shell_of(task)
    found = [_blobs(task, backup)]
    if backup.record.has_database:
        LOGGER.info("%s", f"{task.host.name}: loading the database into a throw-away one")
        with throw_away_database(shell) as place:
            content = load_and_count(shell, place, backup)
        found += [_database(task, backup.record.counts, content), _artifacts(task, backup, content)]
    task.results.extend(found)
    if wrong := [str(one.exception) for one in found if one.exception]:
        raise HostError("\n".join(wrong), ErrorKind.UNMET)
    return Result(task.host, result=f"{backup.record.name}: all of it is there")


def _blobs(task: Task, backup: OpenedBackup) -> ResourceResult:
    """Verify every blob of the backup; a damaged one is moved aside, so that the next backup brings it anew."""
    total, done, damaged = backup.record.blob_bytes, 0, []
    meter = TransferProgress(f"{task.host.name}: verifying blobs", total)
    for digest, size in backup.blobs.items():
        try:
            backup.write_blob(digest, None)
        except HostError as fault:
            damaged.append(str(fault))
            backup.store.set_aside(backup.record.key, digest)
        done += size
        meter(done)
    error = ""
    if damaged:
        more = f"\nand {len(damaged) - SHOWN} more" if len(damaged) > SHOWN else ""
        error = "\n".join(damaged[:SHOWN]) + more + "\nthe next moor backup brings them anew, if the registry has them"
    words = f"{len(backup.blobs) - len(damaged)} of {len(backup.blobs)} verified, {total / MB:.1f} MB"
    return ResourceResult(task.host, "rehearsal:blobs", "failed" if error else "ok", words, error)


def _database(task: Task, expected: Counts, content: Content) -> ResourceResult:
    differing = {name for name in expected if content.counts.get(name) != expected[name]}
    error = ""
    if differing:
        error = f"restored {describe_counts(content.counts)}; the backup was made of {describe_counts(expected)}"
    return ResourceResult(
        task.host, "rehearsal:database", "failed" if error else "ok", describe_counts(content.counts), error
    )


def _artifacts(task: Task, backup: OpenedBackup, content: Content) -> ResourceResult:
    """Check whether the backup has every blob that the restored database's artifacts need."""
    if not backup.record.has_blobs:
        return ResourceResult(task.host, "rehearsal:artifacts", "ok", f"images are in {backup.record.storage}", "")
    missing = sorted(missing_blobs(content.artifacts, backup.blobs, backup.read_blob))
    words, error = f"{len(content.artifacts)} manifests, with all that they refer to", ""
    if len(missing) > backup.record.lacking:
        error = f"{len(missing)} blobs are missing, such as sha256:{missing[0]}"
    elif missing:
        words = f"{len(content.artifacts)} manifests; {len(missing)} blobs were missing in the registry itself"
    return ResourceResult(task.host, "rehearsal:artifacts", "failed" if error else "ok", words, error)


def load_and_count(shell: Shell, place: Connection, backup: OpenedBackup) -> Content:
    """Load the backup's database beside the one of ``place``, and return what it holds."""
    backup.send_part(shell, DUMP, place.command, place.program(load_program()))
    return count(shell, place, LOADED)


def count(shell: Shell, place: Connection, database: str) -> Content:
    """Return what a database holds; raise HostError if it does not answer."""
    answer = shell.stream(place.command, io.BytesIO(place.program(count_program(database))), LONGEST_S)
    need_success(answer, "counting in Harbor's database")
    return parse_content(answer.stdout.decode("utf-8", "replace").splitlines())


@contextmanager
def throw_away_database(shell: Shell) -> Iterator[Connection]:
    """Yield a PostgreSQL of Harbor's own image, in a container without a network, which is gone at the end.

    Where this process dies, the container ends by itself after the bound.
    """
    remove = f"docker rm -f -v {PLACE} >/dev/null 2>&1 || :"
    start = f"""\
{remove}
i=$(docker inspect -f '{{{{.Config.Image}}}}' {CONTAINER} 2>/dev/null) || i=$({FIND_IMAGE})
[ -n "$i" ] || {{ echo 'there is no image of harbor-db' >&2; exit 1; }}
setsid timeout {LONGEST_S:.0f} docker run --rm --name {PLACE} --network none -e POSTGRES_PASSWORD=rehearsal "$i" \\
  </dev/null >/dev/null 2>&1 &
n=0
until [ "$(docker exec {PLACE} sh -c {quote(READY)} 2>/dev/null </dev/null)" = 1 ]; do
  n=$((n + 1)); [ "$n" -lt {READY_S} ] || {{ echo 'the throw-away PostgreSQL does not start' >&2; exit 1; }}
  sleep 1
done"""
    need_success(shell.run(start, READY_S + 60), "a throw-away PostgreSQL")
    try:
        yield Connection(container=PLACE)
    finally:
        shell.run(remove, 60)
