"""Debian packages with all that they depend on, resolved and fetched by apt in a root of its own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shutil import copyfile
from urllib.parse import unquote, urlsplit

from moor.errors import ErrorKind, HostError, InputError
from moor.tasks.bundle.manifest import Part
from moor.tasks.bundling.needs import PackageNeed
from moor.tasks.bundling.workshop import Workshop, run_tool, tell

INDEX = "Packages"
OWN_SOURCES = Path("/etc/apt")
URI = re.compile(r"^'([^']+)' (\S+) (\d+) (?:SHA256:([0-9a-f]{64}))?")


@dataclass(frozen=True)
class Deb:
    """One package that apt would fetch."""

    uri: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class PrivateApt:
    """apt on this machine for hosts of another release: sources, lists, state and archives in directories of ours.

    The machine's own configuration holds beside that: proxies, logins, keyrings.
    """

    root: Path
    archives: Path
    architecture: str

    def make(self, need: PackageNeed) -> None:
        """Write the sources of the hosts and the state from which apt resolves."""
        for folder in ("lists/partial", "sources.list.d", "none"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.archives / "partial").mkdir(parents=True, exist_ok=True)
        for old in (self.root / "sources.list.d").iterdir():
            old.unlink()
        for name, content in _sources(need).items():
            (self.root / "sources.list.d" / name).write_text(content)
        status = need.sources.installed
        if status and not status.is_file():
            raise InputError(
                f"data.bundle.packages.installed: no such file: {status}; copy /var/lib/dpkg/status of a host"
            )
        (self.root / "status").write_text(status.read_text("utf-8", "replace") if status else "")

    @cached_property
    def options(self) -> list[str]:
        """Return the options that keep apt in its root."""
        values = {
            "Dir::State": self.root,
            "Dir::State::Lists": self.root / "lists",
            "Dir::State::status": self.root / "status",
            "Dir::State::extended_states": self.root / "extended_states",
            "Dir::Etc::SourceList": self.root / "none" / "sources.list",
            "Dir::Etc::SourceParts": self.root / "sources.list.d",
            "Dir::Etc::Preferences": self.root / "none" / "preferences",
            "Dir::Etc::PreferencesParts": self.root / "none",
            "Dir::Cache": self.root,
            "Dir::Cache::Archives": self.archives,
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "Dir::Log": self.root,
            "APT::Architecture": self.architecture,
            "APT::Update::Error-Mode": "any",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        lists = [f"APT::Architectures::={self.architecture}"]
        # What the machine itself does after an update or an install is not for this root.
        cleared = ["APT::Architectures=", "APT::Update::Post-Invoke=", "APT::Update::Post-Invoke-Success="]
        return [word for line in [*cleared, *(f"{k}={v}" for k, v in values.items()), *lists] for word in ("-o", line)]

    def run(self, *words: str) -> str:
        return run_tool(["apt-get", "-q", *self.options, *words])

    def resolve(self, names: Sequence[str]) -> list[Deb]:
        """Return what apt would fetch to install some packages."""
        listed = self.run("-y", "--print-uris", "install", "--", *names)
        return [
            Deb(m[1], unquote(m[2]).replace(":", "%3a"), int(m[3]), m[4] or "")
            for m in map(URI.match, listed.splitlines())
            if m
        ]

    def fetch(self, names: Sequence[str], debs: Sequence[Deb]) -> None:
        """Fetch packages; those that are there already are not fetched again, and one that was cut goes on."""
        for deb in debs:
            if urlsplit(deb.uri).scheme in ("file", "copy"):  # apt uses such a file where it is
                path = unquote(urlsplit(deb.uri).path)
                if not (self.archives / deb.name).is_file():
                    copyfile(path, self.archives / deb.name)
        self.run("-y", "--download-only", "install", "--", *names)


def collect_debs(release: str, need: PackageNeed, workshop: Workshop) -> list[Part]:
    """Return the packages of a release with their index, after fetching what is missing.

    Raises:
        HostError: apt cannot fetch or resolve; with its own words.
        InputError: the sources are not known.
    """
    folder = f"packages/{release}"
    apt = PrivateApt(workshop.scratch / f"apt-{release}", workshop.folder / folder, release.rpartition("-")[2])
    apt.make(need)
    tell(f"packages of {release}: reading the sources")
    apt.run("update")
    found: dict[str, Deb] = {}
    for names in need.sets:
        debs = apt.resolve(names)
        missing = [deb for deb in debs if not (apt.archives / deb.name).is_file()]
        size = sum(deb.size for deb in missing) / 1e6
        tell(f"packages of {release}: {' '.join(names)}: {len(debs)} packages, {len(missing)} to fetch, {size:.1f} MB")
        apt.fetch(names, debs)
        found |= {deb.name: deb for deb in debs}
    return _with_index(folder, list(found.values()), workshop)


def _with_index(folder: str, debs: Sequence[Deb], workshop: Workshop) -> list[Part]:
    workshop.keep_only(folder, [*(deb.name for deb in debs), INDEX])
    parts = [workshop.part(f"{folder}/{deb.name}", "packages") for deb in sorted(debs, key=lambda deb: deb.name)]
    for deb, part in zip(sorted(debs, key=lambda deb: deb.name), parts, strict=True):
        if deb.sha256 and part.sha256 != deb.sha256:
            (workshop.folder / part.path).unlink()
            raise HostError(f"{deb.name}: it is not what the archive's index says; run again", ErrorKind.CONTROLLER)
    stanzas = [_stanza(workshop.folder / part.path, part) for part in parts]
    workshop.write(f"{folder}/{INDEX}", "\n".join(stanzas).encode())
    return [*parts, workshop.part(f"{folder}/{INDEX}", "packages")]


def _stanza(path: Path, part: Part) -> str:
    """Return a package's entry in the index of a repository; its file name has no quoted colon there."""
    fields = run_tool(["dpkg-deb", "--field", str(path)]).rstrip("\n")
    name = path.name.replace("%3a", "_")
    return f"{fields}\nFilename: ./{name}\nSize: {part.size}\nSHA256: {part.sha256}\n"


def _sources(need: PackageNeed) -> dict[str, str]:
    """Return the files of sources by name: those that the inventory names, or this machine's for the release."""
    given = need.sources.sources
    if given:
        if not given.is_file():
            raise InputError(f"data.bundle.packages.sources: no such file: {given}; copy it from a host, of /etc/apt")
        return {given.name: given.read_text("utf-8", "replace")}
    own = _own_codename()
    found = {
        path.name: _for_release(path.read_text("utf-8", "replace"), own, need.sources.release) for path in _files()
    }
    if not own or not any(content.strip() for content in found.values()):
        raise InputError(
            "data.bundle.packages.sources: this machine has no sources of apt to take instead; copy a host's file of "
            "/etc/apt/sources.list.d and name it"
        )
    return found


def _files() -> Iterator[Path]:
    yield from (path for path in [OWN_SOURCES / "sources.list"] if path.is_file())
    yield from sorted(
        path for path in (OWN_SOURCES / "sources.list.d").glob("*") if path.suffix in (".list", ".sources")
    )


def _for_release(content: str, own: str, release: str) -> str:
    """Return sources with the suites of one release in place of another's: its name, and its name with ``-updates``."""
    suite = re.compile(rf"(?<![\w./-]){re.escape(own)}(?=[\s/-]|$)", re.MULTILINE)
    return suite.sub(release, content) if own else content


def _own_codename() -> str:
    try:
        found = re.search(r"^VERSION_CODENAME=\"?([a-z]+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    except OSError:
        return ""
    return found[1] if found else ""


def is_available() -> bool:
    """Return whether this machine has apt."""
    try:
        return subprocess.run(["apt-get", "--version"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
