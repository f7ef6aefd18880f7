"""Tasks that announce what they ask of a host, so that a runner can ask many hosts at once.

Such a task is a generator function: it yields each script that it wants to run on its host, is sent the host's answer,
and returns its Result. ``asks`` makes a Nornir task of it, which any runner can run; one that knows how takes the
generator from ``asking_of`` and answers it in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from nornir.core.task import Result, Task

from moor.connections.ssh.shell import Shell
from moor.errors import ErrorKind, HostError
from moor.script_result import ScriptResult

Found = TypeVar("Found")
P = ParamSpec("P")

ANNOUNCED = "moor_asks"  # the attribute of a task function that holds the generator function


@dataclass(frozen=True, slots=True)
class Question:
    """A script to run on the task's host, as ``Shell.run`` takes it."""

    script: str
    timeout_s: float
    as_root: bool = True

    @property
    def user(self) -> dict[str, bool]:
        """Return the arguments of ``Shell.run`` that choose the user; most shells of tests only know root."""
        return {} if self.as_root else {"as_root": False}


Asking = Generator[Question, ScriptResult, Found]


def refuse_failed_shell(answer: ScriptResult) -> None:
    """Raise HostError if a script that cannot fail by itself has failed, so that the host's shell did not run it."""
    if answer.code:
        words = answer.stderr.decode("utf-8", "replace").strip()
        raise HostError(
            f"a shell as root ended with {answer.code}: {words}; try there, as the login user: sudo -n sh -c true",
            ErrorKind.COMMAND,
        )


def asks(function: Callable[Concatenate[Task, P], Asking[Result]]) -> Callable[Concatenate[Task, P], Result]:
    """Make a Nornir task of a generator function that yields what it asks of its host."""

    @wraps(function)
    def run(task: Task, /, *args: P.args, **params: P.kwargs) -> Result:
        return answer_by_shell(task, function(task, *args, **params))

    setattr(run, ANNOUNCED, function)
    return run


def is_asking(task: Task) -> bool:
    """Return whether the task announces what it asks."""
    return hasattr(task.task, ANNOUNCED)


def asking_of(task: Task) -> Asking[Result]:
    """Return the generator of a task that announces what it asks, for the task's host."""
    function = cast(Callable[..., Asking[Result]], getattr(task.task, ANNOUNCED))
    return function(task, **task.params)


def answer_by_shell(task: Task, asking: Asking[Found]) -> Found:
    """Run each script in the calling thread, over the host's shell, which is opened for the first."""
    try:
        question = next(asking)
        while True:
            try:
                answer = shell_of(task).run(question.script, question.timeout_s, **question.user)
            except Exception as error:
                question = asking.throw(error)
            else:
                question = asking.send(answer)
    except StopIteration as end:
        found: Found = end.value
        return found


def shell_of(task: Task) -> Shell:
    """Return the host's shell, opened at the first use."""
    shell: Shell = task.host.get_connection("shell", task.nornir.config)
    return shell
