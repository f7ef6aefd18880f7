"""A network namespace with two links, in which fragments run as they do on a host."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, ClassVar

from moor.connections.local import LocalPlugin
from moor.engine.shell_functions import FUNCTIONS
from moor.errors import ErrorKind, HostError
from moor.tasks.routes.wanted import Route
from tests.harness.shells import SHELLS

# The machine's own /etc, /run and /var/lib/moor stay as they are; a program of the test's own stands in for ifupdown.
LINKS = """\
for p in /etc/network /etc/netplan /etc/systemd/network /etc/NetworkManager /run /var/lib/moor /usr/local/sbin; do
  [ ! -d $p ] || mount -t tmpfs tmpfs $p || exit 1
done
ip link set lo up
for n in 0 1; do
  ip link add eth$n type veth peer name peer$n && ip link set eth$n up && ip link set peer$n up
  ip addr add 10.1.$n.2/24 dev eth$n && ip addr add fd01:$n::2/64 dev eth$n nodad
done
"""


def route(to: str, via: str) -> Route:
    return Route(ip_network(to), ip_address(via))


@dataclass(frozen=True)
class Namespace:
    """A namespace that is there as long as the block of ``namespace``."""

    shell: str
    folder: Path
    pid: int

    def __call__(self, fragment: str) -> tuple[int, str, str]:
        """Return exit code, output and errors of a fragment; ``$d`` is the folder."""
        entered = ["nsenter", "--net", "--mount", "--target", str(self.pid), *SHELLS[self.shell], "-s"]
        whole = f"LC_ALL=C; d={self.folder}\n{FUNCTIONS}(\n{fragment}\n) </dev/null"
        done = subprocess.run(entered, input=whole, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    @property
    def plugin(self) -> type[LocalPlugin]:
        """Return the plugin of connections whose shell is in the namespace, unless the folder has a file ``cut``."""
        folder, shell = self.folder, ("nsenter", "--net", "--mount", "--target", str(self.pid), *SHELLS[self.shell])

        class Inside(LocalPlugin):
            argv: ClassVar[tuple[str, ...]] = shell

            def open(self, *args: Any, **options: Any) -> None:
                if self._cut():
                    raise HostError("10.1.0.2:22: no answer within 5 s", ErrorKind.TIMEOUT)
                super().open(*args, **options)

            def _cut(self) -> bool:
                """Return whether answers to this machine go to a router that is none."""
                asked = [*shell, "-c", "ip route get 192.0.2.77 2>/dev/null | grep -q 'via 10.1.1.66 '"]
                return (folder / "far").exists() and not subprocess.run(asked, check=False).returncode

        return Inside

    def right(self, fragment: str) -> str:
        code, out, err = self(fragment)
        assert (code, err) == (0, ""), fragment
        return out


@contextmanager
def namespace(shell: str, folder: Path) -> Iterator[Namespace]:
    """Yield a namespace whose links have addresses of both families."""
    with subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", "echo; cat"], stdin=-1, stdout=-1) as process:
        assert process.stdout
        assert process.stdin
        process.stdout.readline()  # from now on it is there
        made = Namespace(shell, folder, process.pid)
        try:
            made.right(LINKS)
            yield made
        finally:
            process.stdin.close()
