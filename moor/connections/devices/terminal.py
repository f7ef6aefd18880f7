"""A device's command line as a terminal shows it: where an answer ends, whatever prompt, pager and pace the device has.

Netmiko logs in; from then on moor reads by itself. Netmiko waits for the prompt of the login anywhere in an answer, or
for the end of a fixed time: a banner may hold that prompt, a clock changes it, and a slow device needs longer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netmiko import BaseConnection

POLL_S = 0.01
LOOK_S = 0.2  # how often it is looked whether a silent device has been silent for too long
SETTLE_S = 0.1  # of silence, after which a line like the prompt is no line of a text
STRANGE_S = 2  # of silence, after which a prompt of another name is one too
LONGEST_S = 1800  # of one answer, however busy the device prints
TAIL = 600  # characters in which the end of an answer is looked for
ECHO = 8  # characters of a command by which its echo is known, since a terminal may move what is longer than its line
BEFORE_ECHO = 6  # lines, in which the echo is looked for
STEM = 16  # characters of a name that every mode's prompt has: IOS cuts names to 20, with those of the mode's own
PAGE = "\x0c"  # stands for a pager's line in what was read
PAGER = re.compile(r"[ \n]*(?:<?-{2,3} ?More ?-{2,3}>?|-{3}\(more[^)\n]*\)-{3}) *\Z", re.IGNORECASE)
ANY_PROMPT = re.compile(r"[A-Za-z0-9]\S*[>#$%] ?")
SEQUENCES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[=>EM78])")  # of a terminal: colours, the cursor's place
ERASED = re.compile(rf"{PAGE}(?:\x08+ *\x08*|\n *\n|\n)?")  # a pager's line, and what overwrites it
# A message of the device's log, which it may print between the lines of anything, with a time before it or without.
MESSAGE = (
    r"(?:[*.:]?(?:\S+[ :])?[A-Z][a-z]{2} +\d+ [^\n%]*|[*.])?%[A-Z][A-Z0-9_]*(?:-[A-Z0-9_]+)*-[0-7]-[A-Z0-9_]+ ?:[^\n]*"
)
MESSAGES = re.compile(rf"^{MESSAGE}\n?", re.MULTILINE)
LAST_MESSAGES = re.compile(rf"(?:\n+{MESSAGE})+\n*\Z")


class NoPromptError(Exception):
    """The device has printed nothing for the given time, and no prompt; the text is what it had printed last."""


@dataclass(frozen=True)
class Answer:
    """What a command printed, without its echo and without the prompt that followed, and that prompt."""

    text: str
    prompt: str


class Terminal:
    """The command line of an open Netmiko session."""

    def __init__(self, netmiko: BaseConnection) -> None:
        self.netmiko = netmiko
        self.prompt = ""

    def read_greeting(self, timeout_s: float) -> str:
        """Return what the device prints after the login, up to and with its first prompt.

        Raises:
            NoPromptError: no prompt came in time
            EOFError: the device closed the connection
        """
        return self._read(ends_like_prompt, timeout_s, SETTLE_S)

    def find_prompt(self, timeout_s: float) -> str:
        """Return the prompt as it is now: another engineer may have renamed the device, or a clock be part of it.

        Raises:
            NoPromptError: no prompt came in time
            EOFError: the device closed the connection
        """
        self.netmiko.read_channel()  # what came after the last answer, such as a message of the log
        self.netmiko.write_channel(self.netmiko.RETURN)
        self.prompt = _last_line(self._read(ends_like_prompt, timeout_s, SETTLE_S / 2)).strip()
        return self.prompt

    def send(self, line: str, timeout_s: float, *, until: str | None = None, settle_s: float = 0) -> Answer:
        """Return the answer to a line; without ``find_prompt`` before, the line that is like any prompt ends it.

        Args:
            timeout_s: how long the device may print nothing
            until: a pattern of a question at the end of the answer, in place of the prompt
            settle_s: silence after the prompt, since it may also be a line of the answer

        Raises:
            NoPromptError: no prompt came in time
            EOFError: the device closed the connection
        """
        shape = re.compile(shape_of(self.prompt) if self.prompt else ANY_PROMPT)
        question = re.compile(rf"(?:{until})\s*\Z") if until else None
        echo, seen = line.strip()[:ECHO], False

        def ends(tail: str, is_all: bool) -> bool:
            nonlocal seen  # the echo: before it comes a prompt that the network has delayed, as after a login
            seen = seen or echo in tail or not is_all
            asked = question is not None and question.search(tail) is not None
            return seen and (asked or ("\n" in tail and shape.fullmatch(_last_line(tail)) is not None))

        self.netmiko.write_channel(line + self.netmiko.RETURN)
        printed = self._read(ends, timeout_s, settle_s)
        text, _, prompt = _without_last_messages(printed).rpartition("\n")
        answer = Answer(_after_echo(text, echo), prompt.strip())
        self.prompt = answer.prompt if shape.fullmatch(prompt) else self.prompt
        return answer

    def _read(self, ends: Callable[[str, bool], bool], timeout_s: float, settle_s: float) -> str:
        """Read until ``ends`` is true and the device silent; turn the pages of a pager.

        Args:
            ends: gets the last characters, and whether they are all that was read

        Raises:
            NoPromptError: no end came in time
            EOFError: the device closed the connection
        """
        limit = self.netmiko.read_timeout_override or timeout_s
        pieces, tail, ended = list[str](), "", False
        begun = heard = time.monotonic()
        while True:
            piece, now = self.netmiko.read_channel(), time.monotonic()
            if piece:
                pieces, tail = _joined(pieces, tail, piece)
                heard = now
                if (page := PAGER.search(tail)) and "\n" in tail:
                    self.netmiko.write_channel(" ")
                    tail = tail[: page.start()] + PAGE
                ended = ends(tail, not pieces)
            elif ended:
                if now - heard >= settle_s:
                    break
            elif "\n" in tail and now - heard >= STRANGE_S and ANY_PROMPT.fullmatch(_last_line(tail)):
                break
            elif getattr(self.netmiko.remote_conn, "closed", False):
                raise EOFError("the device closed the connection")
            elif now - heard > limit or now - begun > LONGEST_S:
                raise NoPromptError(tail)
            if not piece:
                self._wait(settle_s - (now - heard) if ended else LOOK_S)
            elif not ended:
                time.sleep(POLL_S)  # so that what comes in small packets is read in larger pieces
        return clean("".join([*pieces, tail]))

    def _wait(self, longest_s: float) -> None:
        """Wait until the device prints something, or closes the connection."""
        buffer = getattr(self.netmiko.remote_conn, "in_buffer", None)
        if buffer is None:  # no SSH
            time.sleep(POLL_S)
            return
        ready = Event()
        buffer.set_event(ready)
        ready.wait(longest_s)


def shape_of(prompt: str) -> str:
    """Return a pattern for a prompt in any mode: its name may be cut, and digits, such as a clock's, change."""
    name = re.sub(r"(?:\([^)]*\))?\s*[>#$%]\s*$", "", prompt)
    stem = re.sub(r":[~/].*$", "", name)[:STEM]
    return re.sub(r"\d+", r"\\d+", re.escape(stem)) + r"[^\n]*[>#$%]\s*"


def clean(text: str) -> str:
    """Return printed text without a terminal's control sequences."""
    if "\x1b" in text:
        text = SEQUENCES.sub("", text)
    return ERASED.sub("\n", text).replace("\x08", "") if PAGE in text or "\x08" in text else text


def without_messages(text: str) -> str:
    """Return a configuration without the messages of the log between its lines."""
    return MESSAGES.sub("", text) if "%" in text else text


def ends_like_prompt(tail: str, _is_all: bool = True) -> bool:
    """Return whether the last line is like a prompt of any device."""
    return _last_line(tail).rstrip().endswith((">", "#", "$", "%"))


def _after_echo(text: str, echo: str) -> str:
    """Return an answer without the echo of its command and what comes before that, a prompt or two."""
    lines = text.split("\n")
    at = next((number for number, line in enumerate(lines[:BEFORE_ECHO], 1) if echo in line), 0)
    return "\n".join(lines[at:])


def _joined(pieces: list[str], tail: str, piece: str) -> tuple[list[str], str]:
    """Return the pieces and the tail of what was printed, with one more piece."""
    tail += piece
    if len(tail) > 2 * TAIL:
        pieces.append(tail[:-TAIL])
        tail = tail[-TAIL:]
    return pieces, tail


def _last_line(tail: str) -> str:
    """Return the last line; messages of the log, which a device prints after its prompt too, do not count."""
    return _without_last_messages(clean(tail)).rpartition("\n")[2]


def _without_last_messages(text: str) -> str:
    """Return a text without the messages of the log at its end; each has a ``%``, so that most need no search."""
    return LAST_MESSAGES.sub("", text) if "%" in text.rstrip("\n").rpartition("\n")[2] else text
