"""How far the building of images is: several are built at once, and each takes minutes on a busy machine."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from moor.progress import format_duration, time_left_s

EVERY_S, AT_LEAST_EVERY_S = 5.0, 15.0
KEPT = 200  # lines of a failed build
# What mmdebstrap says when a stage begins, the stage in words, and how much of the time is over in the middle of it.
STAGES = (
    ("running apt-get update", "reading package lists", 0.06),
    ("downloading packages", "downloading packages", 0.15),
    ("extracting archives", "unpacking", 0.3),
    ("installing essential", "installing", 0.45),
    ("installing remaining", "installing", 0.65),
    ("running --extract-hook", "compiling", 0.8),
    ("running --customize-hook", "setting up", 0.88),
    ("creating tarball", "packing", 0.9),
)
LEAST_SHARE = 0.1  # before that, nothing is said about the time left
MINUTE_S = 60


@dataclass
class Part:
    """One thing that is built; ``weight`` is its share of the whole work, ``share`` how much of it is done."""

    name: str
    weight: float
    share: float = 0.0
    doing: str = ""

    def read(self, line: str) -> None:
        """Take a line of mmdebstrap into account."""
        for said, doing, share in STAGES:
            if said in line:
                self.doing, self.share = doing, max(self.share, share)


class Board:
    """The parts of all builds of this process."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._lock = threading.Lock()

    def expect(self, name: str, weight: float) -> Part:
        """Note that something will be built, so that it counts from the beginning."""
        with self._lock:
            return self._parts.setdefault(name, Part(name, weight))

    @contextmanager
    def building(self, name: str, weight: float) -> Iterator[Part]:
        """Yield the part that is built within the block; it is done afterwards."""
        part = self.expect(name, weight)
        part.doing = part.doing or "begun"
        yield part
        part.share, part.doing = 1.0, ""

    def line(self, elapsed_s: float) -> str:
        """Return what to print; empty if nothing is to be built."""
        parts = list(self._parts.values())
        if not parts:
            return ""
        share = sum(part.weight * part.share for part in parts) / sum(part.weight for part in parts)
        busy = ", ".join(f"{part.name}: {part.doing}" for part in parts if part.doing)
        left = f", {roughly(time_left_s(elapsed_s, share))} left" if LEAST_SHARE <= share < 1 else ""
        return f"images: {share:.0%}{f' ({busy})' if busy else ''}; {format_duration(elapsed_s)} so far{left}"

    @contextmanager
    def shown(self, write: Callable[[str], None], every_s: float = EVERY_S) -> Iterator[None]:
        """Print how far everything is every few seconds while the block runs, if anything is to be built."""
        if not self._parts:
            yield
            return
        names = ", ".join(self._parts)
        write(f"images to build, once: {names}; packages of some 300 MB are downloaded. This takes minutes")
        over, began = threading.Event(), time.monotonic()

        def print_until_over() -> None:
            told, due = "", 0.0
            while not over.wait(every_s):
                now, line = time.monotonic(), self.line(time.monotonic() - began)
                doing = line[line.find("(") : line.rfind(")")]
                if doing != told or now >= due:
                    write(line)
                    told, due = doing, now + AT_LEAST_EVERY_S

        printer = threading.Thread(target=print_until_over, daemon=True)
        printer.start()
        try:
            yield
            write(f"images: built in {format_duration(time.monotonic() - began)}")
        finally:
            over.set()
            printer.join()
            self._parts.clear()


def roughly(seconds: float) -> str:
    """Return a length of time that is only an estimate, such as ``about 4 min``."""
    if seconds > 1.5 * MINUTE_S:
        return f"about {round(seconds / MINUTE_S)} min"
    return f"about {max(10, round(seconds, -1)):.0f} s"


BOARD = Board()


def run_watched(argv: Sequence[str], part: Part, environment: Mapping[str, str] | None = None) -> tuple[int, list[str]]:
    """Run mmdebstrap and follow its stages; return its exit code and the last lines that it wrote."""
    said: list[str] = []
    with subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", env=environment
    ) as process:
        for line in process.stderr or ():
            part.read(line)
            said = [*said[-KEPT:], line.rstrip()]
    return process.returncode, said
