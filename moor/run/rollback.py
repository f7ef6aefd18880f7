"""The rollback of a run: put back the files that it wrote on a host, unless they were changed since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from posixpath import dirname
from shlex import quote

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import context_of, site_of
from moor.engine.converge import converge
from moor.engine.probing import probe
from moor.engine.shell_functions import RUNS
from moor.errors import ErrorKind, HostError, MoorError
from moor.resources.base import Probed, Resource, Scripted, State
from moor.resources.file import temporary_path
from moor.run.foresight import resources_ahead
from moor.run.retirement import retiring
from moor.run.runbook import Rolling, Runbook, Stage
from moor.run.selection import ALL, all_stages

ABSENT, UNKNOWN = "absent", "unknown"
HASH_DIGITS = 12  # digits of a hash


@dataclass(frozen=True)
class WrittenFile:
    """One file that a run has written. Each state is a SHA-256, ``absent`` or ``unknown``.

    Attributes:
        kept: the content before the run.
        written: the content that the run wrote.
        now: the current content.
    """

    path: str
    kept: str
    written: str
    now: str

    @property
    def changed_since(self) -> bool:
        return self.now not in (self.written, self.kept)


@dataclass(frozen=True)
class BackedUpFiles(Probed):
    """The former contents of files that a host keeps of a run."""

    run: str
    runs: str = RUNS

    @property
    def id(self) -> str:
        return f"run:{self.run}"

    def desired(self, actual: State | None) -> State | None:
        return actual

    def probe(self) -> str:
        return f"""\
r={quote(f"{self.runs}/{self.run}")}
[ -d "$r/files" ] || exit 0
find "$r/files" -type f ! -name '*.part' | sort | while IFS= read -r k; do
  p=${{k#"$r/files"}}
  kept=$(sha256sum < "$k"); kept=${{kept%% *}}
  case $k in *.absent) [ -s "$k" ] || {{ p=${{p%.absent}}; kept={ABSENT}; }} ;; esac
  w={UNKNOWN}; [ ! -f "$r/written$p" ] || w=$(cat "$r/written$p")
  now={ABSENT}; [ ! -e "$p" ] || now=other
  [ ! -f "$p" ] || {{ now=$(sha256sum < "$p"); now=${{now%% *}}; }}
  printf '%s\\n%s %s %s\\n' "$p" "$kept" "$w" "$now"
done"""

    def actual(self, output: str) -> State | None:
        return {"listing": output} if output else None

    def left(self, state: State | None) -> list[WrittenFile]:
        """Parse the listing; raise HostError if it is malformed."""
        lines = str((state or {}).get("listing", "")).splitlines()
        try:
            pairs = zip(lines[::2], lines[1::2], strict=True)
            return [WrittenFile(path, *sums.split()) for path, sums in pairs]
        except (ValueError, TypeError):
            raise HostError(
                f"{self.id}: cannot read the host's answer: {' '.join(lines)[:200]!r}", ErrorKind.ANSWER
            ) from None


@dataclass(frozen=True)
class RestoredFile(Scripted):
    """A file as it was before a run; it gets a new modification time, so that services that read it restart."""

    run: str
    path: str
    kept: str
    runs: str = RUNS

    @property
    def id(self) -> str:
        return f"file:{self.path}"

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.path,)

    def desired(self, actual: State | None) -> State:
        return {"content": _short(self.kept)}

    def probe(self) -> str:
        path = quote(self.path)
        return f"if [ -f {path} ]; then sha256sum < {path}; elif [ -e {path} ]; then echo other; else echo {ABSENT}; fi"

    def actual(self, output: str) -> State | None:
        return {"content": _short(output.split()[0] if output.split() else UNKNOWN)}

    def mend(self, actual: State | None) -> str:
        path = quote(self.path)
        if self.kept == ABSENT:
            return f"moor_keep {path}\nrm -f {path}"
        return f"""\
moor_keep {path}
p={path}; [ ! -L "$p" ] || p=$(readlink -f "$p") || exit 1
k={quote(f"{self.runs}/{self.run}/files{self.path}")} t={quote(temporary_path(self.path))}
mkdir -p {quote(dirname(self.path))} && cp -p "$k" "$t" && touch "$t" || {{ rm -f "$t"; moor_fail "cannot copy $k"; }}
moor_place "$t" "$p\""""


def _short(digest: str) -> str:
    return f"SHA-256 {digest[:HASH_DIGITS]}" if len(digest) == 64 else digest


def put_files_back(task: Task) -> Result:
    """Put back all files that a run wrote on this host, and restart what reads them; all files or none."""
    order = context_of(task).rollback
    if order is None:
        raise MoorError("no run to put back is named; use moor rollback RUN")
    kept = BackedUpFiles(order.run)
    left = kept.left(probe(task, [kept])[kept.id])
    if not order.force:
        refuse_changed_files(left, order.run)
    files = [RestoredFile(order.run, one.path, one.kept) for one in left]
    return converge(task, [*files, *resources_following(task.host, frozenset(one.path for one in left))])


def refuse_changed_files(left: Iterable[WrittenFile], run: str) -> None:
    """Raise HostError if a file was changed after the run."""
    lines = [f"{one.path}: {_since(one)}" for one in left if one.changed_since]
    if lines:
        raise HostError(
            "\n".join(
                [
                    *lines,
                    f"nothing is put back on this host; --force puts back the files from before {run} all the same",
                ]
            ),
            ErrorKind.CONFLICT,
        )


def _since(one: WrittenFile) -> str:
    if one.written == UNKNOWN:
        return "it is unknown what the run wrote, since it was cut off"
    return "changed since"


def resources_following(host: Host, paths: frozenset[str]) -> Sequence[Resource]:
    """Return the resources that have to follow files that were put back, such as restarts and rebuilt trust stores.

    The inventory may have lost the section since, so concerns also say it of what they would take away.
    """
    stages = all_stages(site_of(host).directory, independent=False).stages
    gone = (one for retired in retiring(host, stages, ()) for one in retired(host, False))
    found = dict[str, Resource]()
    for resource in (*resources_ahead(host, stages), *gone):
        if follower := resource.follows(paths):
            found.setdefault(follower.id, follower)
    return list(found.values())


# One host at a time, since a rollback may restart containerd; a host that refuses does not stop the others.
ROLLING = Rolling(batch=1, max_failures=ALL)
ROLLBACK = Runbook("rollback", "Put back what a run wrote.", (Stage(put_files_back, rolling=ROLLING),))
