"""Packages of the bundle on a host: what it lacks is uploaded, installed from there, and removed again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import basename
from shlex import quote
from typing import BinaryIO, cast
from urllib.parse import unquote

from nornir.core.task import Task

from moor.connections.ssh.shell import Shell
from moor.context import context_of
from moor.engine.asking import shell_of
from moor.engine.locking import run_under_lock
from moor.engine.script import new_mark, split_answers
from moor.errors import ConnectionLost, ErrorKind, HostError
from moor.progress import TransferProgress
from moor.resources.archive import PAUSES_S, SLOWEST
from moor.resources.base import State, Streamed
from moor.resources.package import Package
from moor.script_result import ScriptResult
from moor.tasks.bundle.manifest import Part
from moor.tasks.bundle.opened import OpenBundle
from moor.tasks.bundle.tar_stream import Entry, TarStream

PLACE = "/var/lib/moor/bundle"
ASK_S = 120
# The release as the bundle calls it: codename and architecture of dpkg, or ID, major version and architecture of rpm.
RELEASE = """\
. /etc/os-release 2>/dev/null || :
if [ -e /etc/debian_version ]; then printf '%s-%s\\n' "${VERSION_CODENAME:-$ID}" "$(dpkg --print-architecture)"
elif command -v dnf >/dev/null 2>&1; then printf '%s%s-%s\\n' "$ID" "${VERSION_ID%%.*}" "$(uname -m)"
else printf '%s%s\\n' "${ID:-unknown}" "${VERSION_ID:-}"; fi
"""
# Lists and archives of apt in a directory of moor's own, so that the host's sources are neither used nor changed. The
# files were verified by the bundle's manifest, and arrived by SSH; apt compares each with the index once more.
APT = f"""\
d={PLACE}
export APT_CONFIG="$d/apt.conf"
mkdir -p "$d/lists/partial" "$d/archives/partial" && : > "$d/none" || exit 1
cat > "$APT_CONFIG" <<END
Dir::Etc::SourceList "$d/bundle.list";
Dir::Etc::SourceParts "$d/none.d";
Dir::State::Lists "$d/lists";
Dir::Cache::Archives "$d/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Sandbox::User "root";
END
mkdir -p "$d/none.d"
printf 'deb [trusted=yes] file:%s ./\\n' "$d/packages" > "$d/bundle.list"
"""
NEEDED = "apt-get -q update >&2 && apt-get -qq --print-uris -y --no-install-recommends --no-remove install -- NAMES"
# dnf verified the signatures when the bundle was made, with keys that a host need not have; here the manifest counts.
# A package of a module would be refused, since a bundle has no list of modules.
DNF = (
    f"dnf -q -y --disablerepo='*' --repofrompath=moor-bundle,{PLACE}/packages --enablerepo=moor-bundle "
    "--setopt=moor-bundle.gpgcheck=0 --setopt=moor-bundle.module_hotfixes=1"
)
INDEX, REPODATA = "Packages", "repodata/"


@dataclass(frozen=True)
class PackagesOfBundle(Streamed):
    """Packages that are installed, from the bundle alone."""

    package: Package
    bundle: OpenBundle

    @property
    def id(self) -> str:
        return self.package.id

    @property
    def bound_s(self) -> float:
        return self.package.bound_s

    def desired(self, actual: State | None) -> State:
        return self.package.desired(actual)

    def probe(self) -> str:
        return self.package.probe()

    def actual(self, output: str) -> State:
        return self.package.actual(output)

    def write(self, task: Task, actual: State | None) -> None:
        upload = _Upload(shell_of(task), task.host.name)
        release = upload.ask(RELEASE).strip()
        parts = self._parts_of(release)
        try:
            if any(basename(part.path) == INDEX for part in parts):
                self._install_debs(task, upload, parts, release)
            else:
                self._install_rpms(task, upload, parts, release)
        finally:
            upload.run(f"rm -rf {PLACE}\n", ASK_S)

    def _parts_of(self, release: str) -> list[Part]:
        found = [part for part in self.bundle.manifest.of_kind("packages") if part.path.split("/")[1] == release]
        if not found:
            there = ", ".join(sorted(self.bundle.manifest.packages)) or "none"
            raise HostError(
                f"the host needs packages for {release}, and the bundle has those of: {there}; write "
                "data.bundle.packages for this host, and make the bundle again"
            )
        return found

    def _install_debs(self, task: Task, upload: _Upload, parts: Sequence[Part], release: str) -> None:
        head = [part for part in parts if basename(part.path) == INDEX]
        upload.send(self._entries(head, release))
        names = " ".join(map(quote, self.package.names))
        listed = upload.ask(f"{APT}{NEEDED.replace('NAMES', names)}\n")
        # Newer versions of apt quote a plus in it, older ones do not.
        wanted = {unquote(basename(line.split("'")[1])) for line in listed.splitlines() if line.startswith("'")}
        debs = [one for one in parts if _plain(basename(one.path)) in wanted]
        upload.send(self._entries(debs, release))
        _under_lock(task, f"{APT}{self.package.mend(None)}", self.bound_s)

    def _install_rpms(self, task: Task, upload: _Upload, parts: Sequence[Part], release: str) -> None:
        upload.send(self._entries(parts, release))
        names = " ".join(map(quote, self.package.names))
        _under_lock(task, f"{DNF} install -- {names} >&2", self.bound_s)

    def _entries(self, parts: Sequence[Part], release: str) -> list[Entry]:
        places, below = self.bundle.places, f"packages/{release}/"
        return [
            Entry(_plain(f"packages/{part.path.removeprefix(below)}"), places[part.path], part.sha256, part.path)
            for part in parts
        ]


def _plain(name: str) -> str:
    """Return a package's file name without the colon of an epoch, which versions of apt quote in different ways."""
    return name.replace("%3a", "_")


@dataclass(frozen=True)
class _Upload:
    """Files sent to a host as one tar; after a lost connection, those that have arrived are not sent again."""

    shell: Shell
    host: str

    def ask(self, script: str) -> str:
        return _output_of(self.run(script, ASK_S), "asking for what it needs")

    def run(self, script: str, bound_s: float) -> ScriptResult:
        return self.shell.run(script, bound_s)

    def send(self, entries: Sequence[Entry]) -> None:
        for pause_s in PAUSES_S:
            try:
                return self._send_missing(entries)
            except ConnectionLost:
                time.sleep(pause_s)
        return self._send_missing(entries)

    def _send_missing(self, entries: Sequence[Entry]) -> None:
        arrived = self._arrived()
        missing = [entry for entry in entries if arrived.get(entry.name) != entry.sha256]
        if not missing:
            return
        size = sum(entry.size for entry in missing)
        self._refuse_full(size)
        meter = TransferProgress(f"{self.host}: uploading {len(missing)} packages", size)
        receive = f"umask 022; mkdir -p {PLACE} && tar -xof - -C {PLACE}"
        source = cast(BinaryIO, TarStream(missing))
        _output_of(self.shell.stream(receive, source, 300 + size / SLOWEST, meter), "uploading packages")
        arrived = self._arrived()
        if wrong := [entry.name for entry in missing if arrived.get(entry.name) != entry.sha256]:
            raise HostError(f"{wrong[0]}: what arrived is not what was sent; run again", ErrorKind.ANSWER)

    def _refuse_full(self, size: int) -> None:
        free = self.ask(f"mkdir -p {PLACE} && df -Pk {PLACE} | tail -n 1 | awk '{{print $4}}'\n").strip()
        if free.isdigit() and size > int(free) * 1024:
            words = f"{size // 10**6} MB of packages are to be uploaded and {int(free) * 1024 // 10**6} MB are free"
            raise HostError(f"{words} in {PLACE}; make room", ErrorKind.SPACE)

    def _arrived(self) -> dict[str, str]:
        """Return the hash of each file that is on the host, by its path."""
        found = self.ask(f"cd {PLACE}/packages 2>/dev/null || exit 0\nfind . -type f -exec sha256sum {{}} +\n")
        pairs = (line.split("  ./", 1) for line in found.splitlines() if "  ./" in line)
        return {f"packages/{name}": digest for digest, name in pairs}


def _under_lock(task: Task, fragment: str, bound_s: float) -> None:
    mark = new_mark()
    answer = run_under_lock(shell_of(task), [fragment], mark, context_of(task).run, bound_s)
    pieces = split_answers(answer.stdout, answer.stderr, mark)
    if not pieces or pieces[0].code:
        said = (pieces[0].stderr if pieces else answer.stderr.decode("utf-8", "replace")).strip()[-2000:]
        raise HostError(f"mending failed: {said or 'it printed nothing'}", ErrorKind.COMMAND)


def _output_of(answer: ScriptResult, doing: str) -> str:
    if answer.code:
        printed = answer.stderr.decode("utf-8", "replace").strip()[-2000:]
        raise HostError(f"{doing} failed (exit {answer.code}): {printed or 'it printed nothing'}", ErrorKind.COMMAND)
    return answer.stdout.decode("utf-8", "replace")
