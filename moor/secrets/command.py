"""Secrets that a command prints, such as ``pass show harbor/admin``: run once, without a shell, bounded."""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from moor.errors import InputError
from moor.secrets.masking import mask, register
from moor.secrets.redaction import redact

LIMIT_S = 60  # time for a person to unlock a key at a prompt of its agent's
LARGEST = 1024 * 1024  # bytes of a secret
LARGEST_COMPLAINT = 64 * 1024  # bytes of standard error that are kept
SHOWN = 5  # lines of standard error
SHOWN_LETTERS = 1000
OLD_S = 900  # from then on a command is asked anew when a site is opened
STEP_S = 0.1  # how often the end of a command is looked for whose pipes another process holds open
DIRECTORY = "@"  # begins the word before the command's own that names the directory to run it in


@dataclass(frozen=True)
class SecretCommand:
    """The words of a command that prints a secret, and the directory to run it in."""

    words: tuple[str, ...]
    directory: Path = Path()

    def __str__(self) -> str:
        return f"cmd:{next(redact([shlex.join(self.words)]))}"

    @property
    def reference(self) -> str:
        """Return a text that ``parse_command`` reads back, whatever the site is by then."""
        return f"cmd:{shlex.join((f'{DIRECTORY}{self.directory}', *self.words))}"


def parse_command(text: str, directory: Path) -> SecretCommand:
    """Return the command of a reference ``cmd:WORDS``; quotes group words as in a shell, and nothing is expanded.

    Args:
        text: what follows ``cmd:``.
        directory: the site's, where the command runs unless ``text`` names another.

    Raises:
        InputError: there are no words, or a quote is not closed.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(f"cmd: {str(error).lower()}; write the words as a list: cmd: [pass, show, NAME]") from None
    if words and words[0].startswith(DIRECTORY):
        directory, words = Path(words[0].removeprefix(DIRECTORY)), words[1:]
    return command_of(words, directory)


def command_of(words: object, directory: Path) -> SecretCommand:
    """Return the command of a list of words; raise InputError for anything else."""
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise InputError("cmd: must be a list of words, each a text, such as cmd: [pass, show, NAME]")
    if not words or not words[0]:
        raise InputError("cmd: it has no words; write the command that prints the secret: cmd: [pass, show, NAME]")
    if any("\0" in word for word in words):
        raise InputError("cmd: a word holds a NUL byte, which no command takes")
    return SecretCommand(tuple(words), directory.absolute())


@dataclass(frozen=True)
class Answer:
    """What a command printed, or why it gave no secret."""

    printed: bytes = b""
    error: str = ""
    asked: float = field(default_factory=time.monotonic)

    def __repr__(self) -> str:
        return f"Answer({'***' if self.printed else self.error})"


@dataclass
class Answers:
    """What commands printed, each asked once, however many settings and threads name it; failures are kept too."""

    _known: dict[SecretCommand, Answer] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)  # held while one asks: one prompt at a time

    def ask(self, command: SecretCommand) -> bytes:
        """Return what a command prints; raises InputError."""
        with self._lock:
            if command not in self._known:
                self._known[command] = _outcome(command)
            known = self._known[command]
        if known.error:
            raise InputError(known.error)
        return known.printed

    def forget(self, older_than_s: float) -> None:
        """Ask anew from now on for what failed, and for what was asked longer ago than that."""
        oldest = time.monotonic() - older_than_s
        with self._lock:
            for command in [one for one, answer in self._known.items() if answer.error or answer.asked < oldest]:
                del self._known[command]


_answers = Answers()


def ask(command: SecretCommand) -> bytes:
    """Return what a command prints; it is run once until ``forget_answers``. Raises InputError with its words."""
    return _answers.ask(command)


def forget_answers(older_than_s: float = OLD_S) -> None:
    """Run commands anew that failed or are old: a site is opened, and in a long-lived process their secret may differ.

    What is younger stays, since ``moor apply`` opens its site twice, for the plan and for the changes.
    """
    _answers.forget(older_than_s)


def _outcome(command: SecretCommand) -> Answer:
    try:
        return Answer(_run(command))
    except InputError as error:
        return Answer(error=str(error))


def _run(command: SecretCommand) -> bytes:
    """Run a command without a terminal and in a session of its own, so that it can be ended with all its children."""
    try:
        process = subprocess.Popen(
            command.words,
            cwd=command.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise InputError(f"{command}: {_not_started(command, error)}") from error
    try:
        printed, complaint, ended = _read_both(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
    return _judged(command, process.returncode if ended else None, printed, complaint)


def _not_started(command: SecretCommand, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and command.directory.is_dir():
        return f"there is no command {command.words[0]} here; install it, or write its whole path"
    return f"cannot be run: {error.strerror} ({error.filename or command.words[0]})"


def _read_both(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes, bool]:
    """Return both outputs so far, and whether the command ended in time and without more output than a secret has."""
    outputs = {process.stdout: bytearray(), process.stderr: bytearray()}
    until = time.monotonic() + LIMIT_S
    with selectors.DefaultSelector() as waiting:
        for pipe in outputs:
            waiting.register(pipe or 0, selectors.EVENT_READ)
        while waiting.get_map() and len(outputs[process.stdout]) <= LARGEST and time.monotonic() < until:
            ended = process.poll() is not None  # before looking, so that nothing it wrote is missed
            ready = waiting.select(min(STEP_S, max(0.0, until - time.monotonic())))
            for key, _ in ready:
                piece = os.read(key.fd, 65536)
                if not piece:
                    waiting.unregister(key.fileobj)
                outputs[key.fileobj] += piece  # type: ignore[index]
            if len(outputs[process.stderr]) > LARGEST_COMPLAINT:
                del outputs[process.stderr][:-LARGEST_COMPLAINT]
            if ended and not ready:
                break  # a process that it left behind, such as an agent, holds the pipes
    printed = bytes(outputs[process.stdout])
    return printed, bytes(outputs[process.stderr]), len(printed) <= LARGEST and _ends(process, until)


def _ends(process: subprocess.Popen[bytes], until: float) -> bool:
    """Return whether the command ends by itself in time; one that closed its outputs may still work."""
    try:
        process.wait(max(STEP_S, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _judged(command: SecretCommand, code: int | None, printed: bytes, complaint: bytes) -> bytes:
    """Return what the command printed; raise InputError unless it is a secret."""
    if len(printed) > LARGEST:
        raise InputError(f"{command}: it prints more than {LARGEST} bytes, which no secret is; is the command right?")
    if code == 0:
        return printed
    for line in printed.decode("utf-8", "surrogateescape").splitlines():
        register(line)  # perhaps the secret, which its complaint may repeat
    ending = f"no end within {LIMIT_S} s" if code is None else f"ended with {_meaning(code)}"
    said = _shown(complaint) or "it said nothing on standard error"
    raise InputError(f"{command}: {ending}: {said}")


def _meaning(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _shown(complaint: bytes) -> str:
    """Return the last lines of a complaint in one line, without what is or looks like a secret."""
    lines: Sequence[str] = [line.strip() for line in complaint.decode("utf-8", "replace").splitlines() if line.strip()]
    return " / ".join(map(mask, redact(lines[-SHOWN:])))[-SHOWN_LETTERS:]
