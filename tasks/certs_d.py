"""The registry's directory in a runtime's certs.d: one CA, no other certificates, and no directory that hides it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Later, Resource, Scripted, State
from moor.resources.file import File
from moor.resources.leftover import Leftover


def ca_resources(directory: str, ca: str | Later) -> Iterator[Resource]:
    """Yield the CA alone in a certs.d directory; without a CA, nothing may be there that a client would trust.

    Args:
        ca: PEM; empty where the registry's certificate is a public one
    """
    if ca:
        yield File(f"{directory}/ca.crt", ca)
    yield OnlyCa(directory, with_ca=bool(ca))


def ca_leftovers(directory: str, ca: str | Later) -> Iterator[Resource]:
    """Yield the absence of the registry's CA in a certs.d directory; another CA there is somebody else's, and stays."""
    lines = ca.splitlines() if isinstance(ca, str) else []
    if len(lines) > 2:
        yield Leftover(f"{directory}/ca.crt", lines[0], lines[1])


@dataclass(frozen=True)
class OnlyCa(Scripted):
    """A certs.d directory in which ca.crt is the only file that a client reads.

    Clients trust every .crt file in it as a CA, and take .cert and .key files for their own client certificate. With
    those, Docker refuses to log in, and a server key copied there is readable by every user.

    Attributes:
        with_ca: false where ca.crt is no exception, since the registry's certificate is a public one
    """

    directory: str
    with_ca: bool = True

    @property
    def id(self) -> str:
        return f"ca-alone:{self.directory}"

    def desired(self, actual: State | None) -> State:
        return {"beside ca.crt": "nothing"}

    def probe(self) -> str:
        return self._each(
            'w=; ! grep -qs -e "PRIVATE KEY-----" "$f" || w=" (a private key)"; printf "%s%s\\n" "${f##*/}" "$w"'
        )

    def actual(self, output: str) -> State:
        return {"beside ca.crt": ", ".join(output.splitlines()) or "nothing"}

    def mend(self, actual: State | None) -> str:
        return self._each('moor_keep "$f"; rm -f "$f" || exit 1')

    def _each(self, command: str) -> str:
        place = quote(self.directory)
        ours = f"case $f in {place}/ca.crt) continue ;; esac" if self.with_ca else ""
        return f"""\
for f in {place}/*.crt {place}/*.cert {place}/*.key; do
  {ours}
  [ ! -e "$f" ] && [ ! -L "$f" ] || {{ {command}; }}
done"""


@dataclass(frozen=True)
class HidingDirectory(Scripted):
    """The absence of a directory that a client would find before the registry's own.

    A mend removes the files that a client would read and keeps them with the run's files. Any other file in the
    directory stops the mend, since only the user knows what it is for.
    """

    directory: str

    @property
    def id(self) -> str:
        return f"hiding:{self.directory}"

    def desired(self, actual: State | None) -> None:
        return None

    def probe(self) -> str:
        place = quote(self.directory)
        return f"[ ! -e {place} ] && [ ! -L {place} ] || {{ echo there; ls -A {place}; }}"

    def actual(self, output: str) -> State | None:
        first, *names = output.splitlines() or [""]
        return {"hides the registry's directory": ", ".join(names) or "it is empty"} if first else None

    def mend(self, actual: State | None) -> str:
        place = quote(self.directory)
        return f"""\
if [ -L {place} ] || [ ! -d {place} ]; then moor_keep {place}; rm -f {place}; exit; fi
for f in {place}/hosts.toml {place}/*.crt {place}/*.cert {place}/*.key; do
  [ ! -f "$f" ] || {{ moor_keep "$f"; rm -f "$f" || exit 1; }}
done
rmdir {place}"""
