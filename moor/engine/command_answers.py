"""What one command said on one host."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nornir.core.inventory import Host

from moor.engine.plan import printable
from moor.engine.results import ResourceResult
from moor.errors import ErrorKind
from moor.secrets.redaction import redact

LONGEST = 256 * 1024  # bytes of each output that are kept
STDOUT, STDERR = "| ", "2> "  # before the lines of each output


@dataclass(frozen=True)
class CommandAnswer:
    """The exit code and outputs of a command.

    Attributes:
        exit_code: 0 for a device, which has none; None if the command did not end in time.
        cut: the command printed more than is kept.
    """

    exit_code: int | None
    stdout: str = ""
    stderr: str = ""
    cut: bool = False

    def printable(self) -> CommandAnswer:
        """Return it without secrets, those that moor knows and what looks like one, and without control characters."""
        return replace(self, stdout=_clean(self.stdout), stderr=_clean(self.stderr))

    def lines(self) -> list[str]:
        """Return both outputs line by line, each with the mark of its output."""
        said = [f"{STDOUT}{line}".rstrip() for line in self.stdout.splitlines()]
        said += [f"{STDERR}{line}".rstrip() for line in self.stderr.splitlines()]
        return [*said, f"... more than {LONGEST // 1024} KiB, the rest is left out"] if self.cut else said


def answer_of(exit_code: int | None, stdout: bytes, stderr: bytes) -> CommandAnswer:
    """Return the answer of raw outputs, each cut at ``LONGEST``."""
    out, err = (raw[:LONGEST].decode("utf-8", "replace") for raw in (stdout, stderr))
    return CommandAnswer(exit_code, out, err, max(len(stdout), len(stderr)) > LONGEST).printable()


def _clean(text: str) -> str:
    return printable("\n".join(redact(line.rstrip("\r") for line in text.expandtabs().splitlines())))


class CommandResult(ResourceResult):
    """The sub-result of a command, which history and JUnit take for that of a resource."""

    def __init__(self, host: Host | None, name: str, answer: CommandAnswer, error: str = "") -> None:
        code = answer.exit_code
        words = error or ("" if code == 0 else f"exit code {code}")
        kind = ErrorKind.COMMAND if words and not error else ErrorKind.TIMEOUT if error else None
        super().__init__(host, name, "failed" if words else "changed", "\n".join(answer.lines()), words, kind=kind)
        self.answer = answer
