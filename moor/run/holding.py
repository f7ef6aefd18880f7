"""Holds: made, shown and ended on the hosts themselves.

Groups    all hosts with a shell but outsiders
Run       moor hold HOST|ID --until DAY --reason ...; moor hold --list; moor release HOST|ID
Undo      moor release
"""

from __future__ import annotations

from datetime import date
from shlex import quote

from nornir.core.task import Result, Task

from moor.context import HoldOrder, context_of
from moor.engine.asking import Asking, Question, asks
from moor.engine.holds import DIRECTORY, EVERYTHING, HELD_HERE, HeldHere, Hold, holds_in, today
from moor.engine.results import ResourceResult, Status
from moor.engine.shell_functions import current_operator
from moor.errors import ErrorKind, HostError
from moor.run.runbook import INSIDERS, Runbook, Stage

KIND = "hold"
ASK_S = 60


def hold_from(order: HoldOrder) -> Hold:
    """Return the hold that an order makes."""
    return Hold(order.id, date.fromisoformat(order.until), current_operator(), order.reason)


def script_of(order: HoldOrder, directory: str = DIRECTORY) -> str:
    """Return the script that shows a host's holds, and then makes or removes what the order says."""
    show = HeldHere(directory).probe()
    if order.releases:
        everything = order.id == EVERYTHING
        path = f"{quote(directory)}/*.json" if everything else quote(_path(order.id, directory))
        return f"{show}\nrm -f {path}\n"
    if not order.until:
        return show
    path, content = quote(_path(order.id, directory)), quote(hold_from(order).content)
    folder = quote(directory)
    write = f"(umask 022; mkdir -p {folder} && printf '%s\\n' {content} >{path}.part && mv -f {path}.part {path})"
    return f"{show}\n{write}\n"


def _path(name: str, directory: str) -> str:
    return Hold(name, date.max, "", "").path.replace(DIRECTORY, directory)


@asks
def keep_holds(task: Task) -> Asking[Result]:
    """Make, show or remove a host's holds, as the run says; each hold is a sub-result.

    Raises:
        HostError: the host is not reached, or its holds cannot be read or written
    """
    order = context_of(task).hold_order or HoldOrder()
    answer = yield Question(script_of(order), ASK_S)
    if answer.code:
        words = answer.stderr.decode("utf-8", "replace").strip() or f"exit code {answer.code}"
        raise HostError(f"holds below {DIRECTORY}: {words}", ErrorKind.COMMAND)
    known = holds_in(HELD_HERE.actual(answer.stdout.decode("utf-8", "surrogateescape")), today())
    if order.until:
        _report(task, [hold_from(order)], "held")
    elif order.releases:
        _report(task, [hold for hold in known if order.id in (EVERYTHING, hold.id)], "changed")
    else:
        _report(task, known, "held")
    return Result(host=task.host, result=f"{len(known)} holds", changed=bool(order.until or order.releases))


def _report(task: Task, holds: list[Hold] | tuple[Hold, ...], status: Status) -> None:
    for hold in holds:
        made = ResourceResult(task.host, f"{KIND}:{hold.id}", status, "", "")
        made.held = str(hold)
        task.results.append(made)


HOLDING = Runbook("hold", __doc__ or "", (Stage(keep_holds, on=INSIDERS),), independent=True)
