"""The resource that holds the static routes of one host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nornir.core.task import Task

from moor.connections.ssh.second_connection import second_shell
from moor.engine.asking import shell_of
from moor.errors import ErrorKind, HostError
from moor.resources.base import State, Streamed
from moor.tasks.host_undo import LATE, Undo, run_fragment
from moor.tasks.routes.change import keep_former, put_back, set_now, write_files
from moor.tasks.routes.keepers import MODES, UNITS, Placed, files_for
from moor.tasks.routes.seen import Seen, probe_of, read_seen
from moor.tasks.routes.wanted import Route

UNDO = Undo("routes", "routes")
BOUND_S = 120
GONE, ABSENT = "no route of moor's", ""


@dataclass(frozen=True)
class HostRoutes(Streamed):
    """The static routes of a host, in the kernel and in a file that brings them back after a reboot.

    Routes that moor set before and the inventory no longer has are removed. Routes of others stay.

    Attributes:
        interface: by which the next hops are reached; empty if the host's own routes tell
        undo_s: seconds after which the host restores its former routes unless moor confirms over a new connection
    """

    routes: tuple[Route, ...]
    interface: str = ""
    undo_s: int = 60

    @property
    def id(self) -> str:
        return "routes:static"

    @property
    def bound_s(self) -> float:
        return BOUND_S

    def probe(self) -> str:
        return probe_of(self.routes, self.interface)

    def actual(self, output: str) -> State:
        seen = read_seen(output)
        try:
            placed = self._placed(seen)
        except HostError:
            placed = []  # ``desired`` reports it
        return {
            "said": output,
            **{_to(one): seen.found(one) for one in placed},
            **{_to(one): one.way for one in self._gone(seen, placed) if _is_set(seen, one)},
            **seen.files,
            **{f"{path} mode": mode for path, mode in seen.modes.items()},
            **seen.units,
        }

    def desired(self, actual: State | None) -> State:
        seen = read_seen(str((actual or {}).get("said", "")))
        seen.refuse_foreign(self.routes)
        placed = self._placed(seen)
        files = _files(seen, placed)
        return {
            **{_to(one): one.way for one in placed},
            **{_to(one): GONE for one in self._gone(seen, placed) if _is_set(seen, one)},
            **files,
            **{f"{path} mode": MODES.get(path, "0644") for path in files},
            **dict.fromkeys((path for path in seen.files if path not in files), ABSENT),
            **{UNITS[path]: "enabled" for path in files if path in UNITS},
        }

    def write(self, task: Task, actual: State | None) -> None:
        seen = read_seen(str((actual or {}).get("said", "")))
        placed = self._placed(seen)
        gone, files = self._gone(seen, placed), _files(seen, placed)
        paths = tuple(dict.fromkeys([*files, *seen.files]))
        stale = [path for path in seen.files if path not in files]
        changed = [*placed, *(one for one in gone if all(one.route.to != other.route.to for other in placed))]
        armed = UNDO.arm_and_load(
            [keep_former(changed, paths)], [put_back(changed, paths)], [set_now(placed, gone)], self.undo_s
        )
        run_fragment(task, shell_of(task), armed, BOUND_S)
        # A reboot brings back the former routes until here, and the new ones from the next step on.
        self._confirm(task, UNDO.while_armed([write_files(files, stale)]))
        self._confirm(task, UNDO.disarm_and_keep([]))

    def _confirm(self, task: Task, script: str) -> None:
        """Run a script over a new connection, which the new routes have brought here."""
        try:
            with second_shell(task) as shell:
                run_fragment(task, shell, script, BOUND_S)
        except HostError as error:
            if error.kind is ErrorKind.COMMAND and LATE not in str(error):
                raise  # the connection came about, and the host has taken the change back itself
            raise HostError(
                f"the new routes were set, and the change was not confirmed over a new connection ({error}); "
                f"the host puts its former routes back by itself within {self.undo_s} s. "
                "Does a route lead the host's answers to this machine elsewhere?",
                error.kind,
            ) from error

    def _placed(self, seen: Seen) -> list[Placed]:
        return [seen.place(route) for route in self.routes]

    def _gone(self, seen: Seen, placed: Sequence[Placed]) -> list[Placed]:
        """Return what moor set before and is no longer wanted."""
        return [one for one in seen.recorded if one not in placed]


def _to(placed: Placed) -> str:
    return f"to {placed.route.to}"


def _is_set(seen: Seen, placed: Placed) -> bool:
    return placed.way in seen.tables.get(str(placed.route.to), "")


def _files(seen: Seen, placed: Sequence[Placed]) -> dict[str, str]:
    return files_for(placed, {one.interface: seen.keeper_of(one.interface) for one in placed})
