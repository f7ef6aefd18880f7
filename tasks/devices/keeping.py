"""What a device holds is kept: its configuration goes to the controller's history with the results of the task."""

from __future__ import annotations

import hashlib
import re
import sys
from functools import cache
from pathlib import Path
from secrets import token_bytes

from nornir.core.task import Task

from moor.connections.devices.device import Device, close_device
from moor.context import context_of
from moor.engine.device_configurations import ConfigurationResult, DeviceConfiguration, digest_of
from moor.errors import ErrorKind, HostError
from moor.secrets import device_secrets, masking, redaction
from moor.secrets.device_secrets import strike_secrets
from moor.secrets.secret import mask
from moor.tasks.devices.last_change import QUESTIONS, LastChange, told_by, told_in

ANSWER_S = 20  # the question who changed it is no reason to wait long
# Lines that differ from print to print, and messages of the log that a device may print between any two lines.
PASSING = re.compile(
    r"""(?x) ^(?:
        Building\ configuration\.\.\. | Current\ configuration\ :\ .* | Using\ \d+\ out\ of\ .*
        | !!?\ ?(?:Last\ configuration\ change|NVRAM\ config\ last\ updated|No\ configuration\ change|Command:|Time:
            |Running\ configuration\ last\ done).*
        | ntp\ clock-period\ \d+
        | \#\#\ Last\ (?:commit|changed):.*
        | \w{3}\ \w{3}\ +\d+\ [\d:.]+(?:\ \S+)?
        | (?:\S.{0,80}?)?%[A-Z][A-Z0-9_-]*-[0-7]-[A-Z0-9_]+\ ?:.*
    )\s*$"""
)
BEGINNINGS = frozenset("BCUn!#SMTWF")  # of the lines that PASSING knows, so that it need not look at every line


def keep_configuration(task: Task, device: Device, platform: str, configuration: str) -> str:
    """Add a device's configuration to the task's results, and who changed it if it is not the one kept last.

    Args:
        task: that of the host.
        device: it is asked nothing unless its configuration has changed and does not itself say by whom.
        platform: Netmiko's name of it.
        configuration: as the device printed it, known to be whole.

    Returns:
        the configuration without what differs from print to print, but with its secrets.
    """
    lasting, known, name = without_passing(configuration), context_of(task).known_configurations, task.host.name
    mark = known.mark_of(lasting, _rules())
    # A secret that became known to moor since then may be in the kept text.
    if known.marks.get(name) == mark and mask(lasting) == lasting:
        task.results.append(ConfigurationResult(task.host, DeviceConfiguration(known.digests[name], None, mark=mark)))
        return lasting
    text = struck_text(lasting)
    digest = digest_of(text)
    if known.digests.get(name) == digest:
        read = DeviceConfiguration(digest, None, mark=mark)
    else:
        change = _last_change(task, device, platform, configuration)
        read = DeviceConfiguration(digest, text, change.by, change.at, mark)
    task.results.append(ConfigurationResult(task.host, read))
    return lasting


@cache
def _rules() -> bytes:
    """Return a digest of the code that strikes secrets out; another version of it judges every configuration anew."""
    found = hashlib.sha256()
    try:
        for module in (device_secrets, redaction, masking, sys.modules[__name__]):
            found.update(Path(module.__file__ or "").read_bytes())
    except OSError:  # not installed as files: no mark is known again
        return token_bytes()
    return found.digest()


def kept_text(configuration: str) -> str:
    """Return a configuration without secrets, and without what differs from print to print."""
    return struck_text(without_passing(configuration))


def struck_text(lasting: str) -> str:
    """Return a configuration, from which ``without_passing`` took the rest, without secrets."""
    return mask(strike_secrets(lasting)) + "\n"


def without_passing(configuration: str) -> str:
    """Return a configuration without what differs from print to print, and without blanks at the ends of lines."""
    lines = [
        line
        for line in map(str.rstrip, configuration.splitlines())
        if not ("%" in line or line[:1] in BEGINNINGS) or not PASSING.match(line)
    ]
    return "\n".join(lines).strip("\n")


def _last_change(task: Task, device: Device, platform: str, configuration: str) -> LastChange:
    told = told_in(configuration)
    question = QUESTIONS.get(platform)
    if told.by or question is None:
        return told
    try:
        answer = told_by(question, device.ask(question.command, timeout_s=ANSWER_S))
    except HostError as error:  # that it does not tell is no fault
        if error.kind is not ErrorKind.REFUSED:
            close_device(task.host)  # its answer may come later, in place of the next one
        return told
    return answer if answer.by else told
