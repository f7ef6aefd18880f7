"""Install pinned libraries by pip, and print how far that is and about how long it will take; pip itself prints little.

Usage: PYTHON install.py REQUIREMENTS, with the Python of the environment that they go into.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--root-user-action=ignore", "--no-input", "--no-compile")
PINNED = ("--no-deps", "--require-hashes", "--progress-bar", "off", "--requirement")
FETCHED = re.compile(r"(?:Collecting|Processing|Requirement already satisfied:) (\S+)")
UNPACKING = "Installing collected packages: "
FETCHING_SHARE = 0.5  # of the time; the rest is unpacking
FEW_S = 5  # less is never promised: the last libraries may be large
EVERY_S = {True: 0.5, False: 5.0}  # on a terminal one line is written anew


@dataclass
class Installation:
    """How far pip is.

    Attributes:
        total: how many libraries are pinned
        fetched: how many it has downloaded or found here
        unpacking: how many it unpacks, 0 before it does
        there: how many were there before it unpacked
    """

    total: int
    fetched: int = 0
    name: str = ""
    unpacking: int = 0
    there: int = 0
    began: float = field(default_factory=time.monotonic)

    def read(self, line: str) -> None:
        """Take a line of pip's output into account."""
        if found := FETCHED.match(line):
            self.fetched, self.name = min(self.fetched + 1, self.total), name_of(found[1])
        elif line.startswith(UNPACKING):
            self.there, self.unpacking = installed(), line.removeprefix(UNPACKING).count(",") + 1

    def line(self, now: float, present: int) -> str:
        """Return what to print; ``present`` is how many libraries are in the environment now."""
        unpacked = min(max(present - self.there, 0), self.unpacking) if self.unpacking else 0
        if self.unpacking:
            doing = f"{unpacked} of {self.unpacking} libraries unpacked"
            share = FETCHING_SHARE + (1 - FETCHING_SHARE) * unpacked / self.unpacking
        else:
            doing = f"{self.fetched} of {self.total} libraries here" + (f" ({self.name})" if self.name else "")
            share = FETCHING_SHARE * self.fetched / max(self.total, 1)
        spent = now - self.began
        rest = spent / share - spent if share > 0.05 else None
        left = "the time left is not known yet" if rest is None else f"about {max(rest, FEW_S):.0f} s left"
        return f"moor: {doing}; {spent:.0f} s so far, {left}"


def name_of(word: str) -> str:
    """Return a library's name out of what pip says it collects or processes."""
    return re.split(r"[=<>~!;\[]", word.rsplit("/", 1)[-1])[0].split("-")[0] if "/" in word else word.split("==")[0]


def pinned(requirements: str) -> int:
    """Count the libraries of a requirements file."""
    return len(re.findall(r"^[A-Za-z0-9][^\s=]*==", requirements, re.MULTILINE))


def installed() -> int:
    """Count the libraries in this environment."""
    return len(list(Path(sysconfig.get_path("purelib")).glob("*.dist-info")))


def print_until(over: threading.Event, state: Installation) -> None:
    """Print the state every few seconds until ``over`` is set."""
    terminal = sys.stderr.isatty()
    while True:
        line = state.line(time.monotonic(), installed())
        print(f"\r\033[K{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
        if over.wait(EVERY_S[terminal]):
            print("\r\033[K" if terminal else "", end="", file=sys.stderr, flush=True)
            return


def install(requirements: Path) -> int:
    """Run pip and return its exit code; its errors are printed as they are."""
    state, over = Installation(pinned(requirements.read_text("utf-8"))), threading.Event()
    printer = threading.Thread(target=print_until, args=(over, state))
    printer.start()
    try:
        argv = [sys.executable, *PIP, *PINNED, str(requirements)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as pip:
            said = threading.Thread(target=lambda: errors.extend(pip.stderr or ()))
            errors: list[str] = []
            said.start()
            for line in lines(pip):
                state.read(line.strip())
            said.join()
    finally:
        over.set()
        printer.join()
    if pip.returncode:
        print("".join(line for line in errors if not line.startswith("WARNING: Location")), end="", file=sys.stderr)
    else:
        print(f"moor: {state.total} libraries in {time.monotonic() - state.began:.0f} s", file=sys.stderr)
    return pip.returncode


def lines(pip: subprocess.Popen[str]) -> Iterator[str]:
    """Yield the lines of pip's output as they come."""
    yield from pip.stdout or ()


if __name__ == "__main__":
    sys.exit(install(Path(sys.argv[1])))
