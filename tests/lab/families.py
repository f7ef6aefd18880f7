"""Roots of systems that cannot be booted here: a family's directories and os-release, this machine's programs.

A root is entered in a mount namespace of its own. Where a family's command is not this machine's, a short stand-in does
its work by the tool that the family's own is made of: p11-kit's ``trust`` (RHEL, Arch, SUSE), ``openssl rehash``
(Flatcar). Debian's is Debian's own.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from moor.engine.plan import plan
from moor.engine.script import apply_script, new_mark, probe_script, require_all, split_answers
from moor.resources.base import Scripted
from tests.harness.shells import SHELLS

ENTER = """\
set -e; cd "$1"
for d in usr dev proc; do mkdir -p $d; mount --rbind /$d $d; done
mount --bind local usr/local
for p in rpm dnf yum; do [ ! -e usr/bin/$p ] || mount --bind /dev/null usr/bin/$p; done
exec chroot . "$2" "$3" -s
"""
EXTRACT = """\
#!/bin/sh
set -e; mkdir -p "$(dirname {bundle})"
trust extract --comment --format=pem-bundle --filter=ca-anchors --overwrite --purpose server-auth {bundle}
"""
# As openSUSE's does, a bundle that is newer than all anchors is left alone unless -f is given.
LAZY = """\
#!/bin/sh
set -e; mkdir -p "$(dirname {bundle})"
[ "$1" = -f ] || [ ! -e {bundle} ] || [ -n "$(find {anchors} -newer {bundle})" ] || exit 0
trust extract --format=pem-bundle --filter=ca-anchors --overwrite --purpose server-auth {bundle}
"""
REHASH = """\
#!/bin/bash
set -e; openssl rehash /etc/ssl/certs
[ ! -e {bundle} ] || [ /etc/ssl/certs -nt {bundle} ] || exit 0
cat /etc/ssl/certs/*.[0-9] > /etc/ssl/certs/new; mv -f /etc/ssl/certs/new {bundle}
touch --reference=/etc/ssl/certs {bundle}
"""


@dataclass(frozen=True)
class Family:
    """How a family differs.

    Attributes:
        identity: what os-release says
        tool: its command, where this machine's is not the same
    """

    identity: str
    anchors: str
    bundle: str
    shell: str = "bash"
    command: str = ""
    tool: str = ""
    suffix: str = ".crt"


TLS = "tls-ca-bundle.pem"
DEBIAN = "/usr/local/share/ca-certificates"
FAMILIES = {
    "rhel": Family("rocky", "/etc/pki/ca-trust/source/anchors", f"/etc/pki/ca-trust/extracted/pem/{TLS}",
                   command="update-ca-trust", tool=EXTRACT),
    "arch": Family("arch", "/etc/ca-certificates/trust-source/anchors", f"/etc/ca-certificates/extracted/{TLS}",
                   command="update-ca-trust", tool=EXTRACT),
    "suse": Family("opensuse-leap", "/etc/pki/trust/anchors", "/var/lib/ca-certificates/ca-bundle.pem",
                   command="update-ca-certificates", tool=LAZY),
    "flatcar": Family("flatcar", "/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt",
                      command="update-ca-certificates", tool=REHASH, suffix=".pem"),
    "debian": Family("debian", DEBIAN, "/etc/ssl/certs/ca-certificates.crt", "dash"),
    "alpine": Family("alpine", DEBIAN, "/etc/ssl/certs/ca-certificates.crt", "busybox"),
}  # fmt: skip


@dataclass(frozen=True)
class Root:
    """The root of one family's system."""

    folder: Path
    family: Family

    def path(self, path: str) -> Path:
        """Return where a path of the root is from outside."""
        local = path.removeprefix("/usr/local/")
        return self.folder / ("local/" + local if local != path else path.lstrip("/"))

    def command(self, name: str, script: str) -> None:
        """Give the system a command."""
        self.path(f"/usr/local/bin/{name}").write_text(script if script.startswith("#!") else f"#!/bin/sh\n{script}\n")
        self.path(f"/usr/local/bin/{name}").chmod(0o755)

    def planned(self, resource: Scripted) -> list[str]:
        mark = new_mark()
        done = self._sh(probe_script([resource.probe()], mark))
        (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
        assert (piece.code, piece.stderr) == (0, "")
        return [change.diff for change in plan([resource], {resource.id: resource.actual(piece.stdout)})]

    def mend(self, resource: Scripted, run: str = "1") -> str:
        """Mend it; gives what was said where that failed."""
        mark = new_mark()
        done = self._sh(apply_script([resource.mend(None)], mark, run))
        (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
        return piece.stderr or "failed" if piece.code else ""

    def _sh(self, script: str) -> subprocess.CompletedProcess[bytes]:
        words = SHELLS[self.family.shell]
        shell = [f"/usr/bin/{words[0]}", words[1] if len(words) > 1 else "-u"]
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", str(self.folder), *shell]
        return subprocess.run(argv, input=script.encode(), capture_output=True, timeout=120, check=False)


def make_root(folder: Path, family: Family) -> Root:
    """Make the root of a system of that family."""
    for name in ("usr", "tmp", "run", "etc/ssl/certs", "local/bin", "local/share/ca-certificates", "var/lib"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / name).symlink_to(f"usr/{name}")
    (folder / "etc/os-release").write_text(f"ID={family.identity}\n")
    root = Root(folder, family)
    root.path(family.anchors).mkdir(parents=True, exist_ok=True)
    if family.command:
        root.command(family.command, family.tool.format(bundle=family.bundle, anchors=family.anchors))
    else:
        (folder / "etc/ca-certificates.conf").touch()
    if "trust extract" in family.tool:  # where Debian's p11-kit looks for anchors
        (folder / "etc/ssl/certs/ca-certificates.crt").symlink_to(Path(family.anchors).parent)
    return root
