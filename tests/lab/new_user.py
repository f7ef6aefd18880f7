"""A machine of somebody new: a root that holds Python, busybox and nothing else, in which a script is run.

The libraries of moor are on Python's path there, as if an index had given them: tests have no network.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.test_package import needed, plain, required_by

HOME, LIBRARIES = "/home/new", "/libraries"
TOOLS = ("sh", "cat", "env")
# What Python is loaded with, and what it is.
BOUND = ("/lib", "/lib64", "/usr/lib/x86_64-linux-gnu", "/dev/null", "/dev/urandom", "/proc", sys.base_prefix)
ENTER = """\
set -e
root=$1; shift
for path in {paths}; do
  [ -e "$path" ] || continue
  if [ -d "$path" ]; then mkdir -p "$root$path"; else mkdir -p "$(dirname "$root$path")"; : >"$root$path"; fi
  mount --bind "$path" "$root$path"
done
exec chroot "$root" /bin/env -i HOME={home} PATH=/bin:{prefix}/bin PYTHONPATH={libraries} PIP_NO_INDEX=1 LANG=C.UTF-8 \
/bin/sh -c 'cd "$HOME" && exec sh ./script'
"""


@dataclass(frozen=True)
class Ended:
    """A script that has ended: what each line said, and its exit code."""

    codes: Mapping[str, int]
    said: str


@dataclass(frozen=True)
class NewMachine:
    """The root of a machine, below a folder of the test's."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / HOME.lstrip("/")

    def build(self, wheel: Path) -> NewMachine:
        """Make the root; the wheel of moor and its constraints are in the home directory."""
        for folder in ("bin", "tmp", "etc", LIBRARIES.lstrip("/"), f"{HOME.lstrip('/')}/.ssh"):
            (self.root / folder).mkdir(parents=True)
        busybox = shutil.which("busybox")
        assert busybox
        for tool in TOOLS:
            shutil.copy(busybox, self.root / "bin" / tool)
        (self.root / "etc/passwd").write_text(f"root:x:0:0::{HOME}:/bin/sh\n")
        shutil.copy(wheel, self.home)
        shutil.copy(Path(__file__).parents[2] / "constraints.txt", self.home)
        return self

    def run(self, lines: list[str], stdin: str) -> Ended:
        """Run the lines of a script one after the other, whatever the one before has said."""
        marks = [f'{line}\necho "{number} $?" >>"$HOME/codes"' for number, line in enumerate(lines)]
        (self.home / "script").write_text("\n".join(marks) + "\n")
        paths = [*BOUND, *self._libraries()]
        words = {"home": HOME, "prefix": sys.base_prefix, "libraries": LIBRARIES, "paths": " ".join(paths)}
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER.format(**words), "sh"]
        done = subprocess.run(
            [*enter, str(self.root)], input=stdin, capture_output=True, text=True, timeout=300, check=False
        )
        codes = dict(line.split() for line in (self.home / "codes").read_text().splitlines())
        return Ended({line: int(codes[str(number)]) for number, line in enumerate(lines)}, done.stdout + done.stderr)

    def _libraries(self) -> list[str]:
        """Link what the wheel asks for; return the directories that the links need."""
        (wheel,) = self.home.glob("*.whl")
        found = set[str]()
        for name in {plain(name) for name in needed(required_by(wheel))}:
            distribution = importlib.metadata.distribution(name)
            tops = {file.parts[0] for file in distribution.files or ()}
            for top in tops - {"..", "__pycache__"}:
                place = Path(str(distribution.locate_file(top))).resolve()
                link = self.root / LIBRARIES.lstrip("/") / top
                if not link.is_symlink():  # two may share a package
                    link.symlink_to(place)
                found.add(str(place.parent))
        return sorted(found)
