"""What is known on a host about its Harbor and about an upgrade that was begun there: one fragment, and its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from shlex import quote

from moor.tasks.harbor.installer import NOTE, UPGRADE
from moor.tasks.harbor.releases import release_of

JOURNAL = "journal"  # written before Harbor is stopped: from where to where, and what was counted
MOVED, BACK, RESTORED, DONE = "former", "back", "restored", "done"  # how far it got
GONE = "gone"  # it ended; what it worked in has this suffix, and is to be removed
MARKS = (MOVED, BACK, RESTORED, DONE)
COPIED = ("database", "redis", "secret")  # below data_volume: what a newer release changes there
BY_HAND = "(by hand)"


@dataclass(frozen=True)
class Place:
    """Where an upgrade works.

    Attributes:
        directory: where Harbor is installed.
        data_volume: where its data are.
    """

    directory: str
    data_volume: str

    @property
    def work(self) -> str:
        """Return the directory of the upgrade; on the file system of Harbor's, so that a move is a rename."""
        return f"{self.directory}{UPGRADE}"

    @property
    def staged(self) -> str:
        """Return where the new release is unpacked, before it takes the place of the former one."""
        return f"{self.work}/harbor"

    @property
    def copy(self) -> str:
        """Return where the data are copied to while Harbor is down."""
        return f"{self.data_volume}/.moor-upgrade"

    @property
    def variables(self) -> str:
        """Return the shell variables that the fragments use."""
        return f"d={quote(self.directory)} u={quote(self.work)} v={quote(self.data_volume)} k={quote(self.copy)}\n"


@dataclass(frozen=True)
class Found:
    """What a host answered.

    Attributes:
        installed: the installer that Harbor was unpacked from; empty without one, ``BY_HAND`` if moor did not do it.
        journal: of an upgrade that was begun; empty without one.
        marks: how far that got.
        databases: the directories in data_volume/database that hold one, such as pg13.
        machine: as uname prints it.
        sizes: in kB: ``used`` by what would be copied, ``free`` beside it, ``docker`` free for images.
        cause: why the upgrade goes back; empty if it does not.
    """

    installed: str = ""
    journal: Mapping[str, str] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    databases: tuple[str, ...] = ()
    machine: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    cause: str = ""

    @property
    def begun(self) -> bool:
        """Return whether an upgrade was begun that neither came to its end nor was undone."""
        return bool(self.journal)

    @property
    def progress(self) -> str:
        """Return how far the begun upgrade got, in words; empty if there is nothing left of one."""
        if not self.begun:
            return "ended and not cleaned up" if GONE in self.marks else ""
        if DONE in self.marks:
            return "accepted and not cleaned up"
        if BACK in self.marks:
            return "interrupted on its way back"
        return "interrupted after the change" if MOVED in self.marks else "interrupted before the change"

    @property
    def step(self) -> str:
        """Return from which release to which the begun upgrade goes; empty without one."""
        return f"{release_of(self.journal['from'])} to {release_of(self.journal['to'])}" if self.begun else ""


def look_fragment(place: Place, package: str) -> str:
    """Return a fragment that prints what ``parse_found`` reads; sizes only where an upgrade to ``package`` is due."""
    return f"""\
{place.variables}\
if [ -e "$u/{JOURNAL}" ]; then
  sed 's/^/journal /' "$u/{JOURNAL}"
  for m in {" ".join(MARKS)}; do [ ! -e "$u/$m" ] || echo "mark $m"; done
  [ ! -e "$u/{BACK}" ] || {{ sed 's/^/cause /' "$u/{BACK}"; echo; }}
fi
[ ! -e "$u.{GONE}" ] || echo 'mark {GONE}'
note=
for p in "$d" "$u/{MOVED}"; do
  [ -n "$note" ] || note=$(head -n 1 "$p/{NOTE}" 2>/dev/null)
done
if [ -n "$note" ]; then echo "installed $note"
elif [ -e "$d" ]; then echo 'installed {BY_HAND}'
fi
if [ -n "$note" ]; then
  echo "machine $(uname -m)"
  for f in "$v"/database/*/PG_VERSION "$v"/database/PG_VERSION; do
    if [ -e "$f" ]; then f=${{f%/*}}; echo "database ${{f##*/}}"; fi
  done
  if [ "$note" != {quote(package)} ] && [ ! -e "$u/{JOURNAL}" ]; then
    kept=0
    for p in {" ".join(COPIED)}; do
      set -- $(du -sk "$v/$p" 2>/dev/null); kept=$((kept + ${{1:-0}}))
    done
    echo "size used $kept"
    set -- $(df -Pk "$v" 2>/dev/null | tail -n 1); echo "size free ${{4:-0}}"
    set -- $(df -Pk /var/lib/docker 2>/dev/null | tail -n 1); echo "size docker ${{4:-0}}"
  fi
fi
:"""


def parse_found(output: str) -> Found:
    """Parse what ``look_fragment`` printed."""
    lines = [line.partition(" ")[::2] for line in output.splitlines()]
    sizes = dict(_pairs(value for key, value in lines if key == "size"))
    return Found(
        next((value for key, value in lines if key == "installed"), ""),
        dict(_pairs(value for key, value in lines if key == "journal")),
        frozenset(value for key, value in lines if key == "mark"),
        tuple(value for key, value in lines if key == "database"),
        next((value for key, value in lines if key == "machine"), ""),
        {name: int(size) for name, size in sizes.items() if size.isdigit()},
        "\n".join(value for key, value in lines if key == "cause"),
    )


def _pairs(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition(" ")
        yield name, value
