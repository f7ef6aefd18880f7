"""One command on many hosts, as ``moor run`` sends it: bounded in time and output, with its exit code.

Groups    all hosts with a shell but outsiders, and devices
Run       moor run COMMAND
Undo      nothing that moor could undo
"""

from __future__ import annotations

import shlex
import time
from shlex import quote

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.devices.device import device_of
from moor.connections.names import NETMIKO, connection_of
from moor.context import CommandOrder, context_of
from moor.engine.asking import Asking, Question, asks
from moor.engine.command_answers import LONGEST, CommandAnswer, CommandResult, answer_of
from moor.engine.plan import printable_line
from moor.errors import CommandTimeout, HostError, ScriptCutShort
from moor.run.runbook import INSIDERS, Runbook, Stage
from moor.secrets.device_secrets import strike_secrets
from moor.secrets.redaction import redact

KIND = "command"
ENDED_BY_TIMEOUT = 124  # exit status of timeout(1)
GRACE_S = 10  # in which the host ends a command and sends what it said
LONGEST_NAME = 200  # characters of a command in ids

# Runs "$@" with both outputs bounded, the rest read and thrown away, so that the command ends as it would. Descriptors:
# 3 and 4 are our outputs, 5 the exit code's, 6 the pipe of standard output past that of standard error. The host itself
# ends the command in time where it has timeout(1), so that what it said until then arrives.
BOUNDED = f"""\
moor_bound() {{ head -c {LONGEST + 1}; cat >/dev/null; }}
moor_bounded() {{
  t=/usr/bin/timeout; [ -f $t ] && [ ! -L $t ] || {{ t=timeout; timeout 1 true 2>/dev/null || t=; }}
  rc=$( {{ {{ {{ ${{t:+$t $moor_s}} "$@" </dev/null 3>&- 4>&- 5>&-; echo $? >&5; }} 2>&1 >&6 6>&- |
    moor_bound >&4; }} 6>&1 | moor_bound >&3; }} 5>&1 )
  return "${{rc:-1}}"
}}
"""
# A script is a file, so that its interpreter may be any, and its length does not matter.
AS_FILE = """\
f=$(mktemp "${{TMPDIR:-/tmp}}/moor-run.XXXXXX") || return
trap 'rm -f "$f"' 0; trap 'exit 143' 1 2 15
printf %s {content} >"$f" || return
"""


class Commandable(F):
    """The filter for hosts on which a command can be run: those with a shell but outsiders, and devices."""

    def __call__(self, host: Host) -> bool:
        return INSIDERS(host) or connection_of(host) == NETMIKO


def name_of(order: CommandOrder) -> str:
    """Return the id under which a command is reported, without what looks like a secret."""
    words = printable_line(" ".join(redact([" ".join(order.words.split())])))
    return f"{KIND}:{words if len(words) <= LONGEST_NAME else f'{words[:LONGEST_NAME]} ...'}"


def script_of(order: CommandOrder) -> str:
    """Return the script that runs an order's command, or its script file, on a host."""
    if order.script:
        before, call = AS_FILE.format(content=quote(order.script)), f'{interpreter_of(order.script)} "$f"'
    else:
        before, call = "", f"sh -c {quote(order.words)}"
    main = f"moor_main() {{\nmoor_s={order.timeout_s}\n{before}moor_bounded {call}\n}}\n"
    return f"{BOUNDED}{main}moor_main 3>&1 4>&2\n"


def interpreter_of(script: str) -> str:
    """Return the words of a script's first line after ``#!``, quoted; ``sh`` without such a line."""
    first = script.split("\n", 1)[0]
    words = shlex.split(first[2:]) if first.startswith("#!") else []
    return shlex.join(words or ["sh"])


@asks
def run_command(task: Task) -> Asking[Result]:
    """Run the run's command on a host, and keep what it said.

    Raises:
        HostError: the host is not reached.
        CommandTimeout: the command does not end in time.
        ScriptCutShort: the connection is lost meanwhile.
    """
    order = context_of(task).command_order
    if order is None:
        raise HostError("moor run sends no command")
    if connection_of(task.host) == NETMIKO:
        printed = device_of(task.host, task.nornir.config).ask(order.words, timeout_s=order.timeout_s)
        return _keep(task, order, answer_of(0, strike_secrets(printed).encode("utf-8", "surrogateescape"), b""))
    began = time.monotonic()
    try:
        answer = yield Question(script_of(order), order.timeout_s + GRACE_S, order.as_root)
    except ScriptCutShort as error:
        heard = error.heard
        partial = answer_of(None, heard.stdout, heard.stderr) if heard else CommandAnswer(None)
        task.results.append(CommandResult(task.host, name_of(order), partial, str(error)))
        raise
    if answer.code == ENDED_BY_TIMEOUT and time.monotonic() - began >= order.timeout_s:
        words = f"no end within {order.timeout_s} s, so the host ended it; --timeout SECONDS gives it longer"
        partial = answer_of(None, answer.stdout, answer.stderr)
        task.results.append(CommandResult(task.host, name_of(order), partial, words))
        raise CommandTimeout(words)
    return _keep(task, order, answer_of(answer.code, answer.stdout, answer.stderr))


def _keep(task: Task, order: CommandOrder, answer: CommandAnswer) -> Result:
    task.results.append(CommandResult(task.host, name_of(order), answer))
    return Result(host=task.host, result=f"exit code {answer.exit_code}", changed=True)


RUN_COMMAND = Runbook("run", __doc__ or "", (Stage(run_command, on=Commandable()),), independent=True)
