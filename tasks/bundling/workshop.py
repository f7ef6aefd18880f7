"""The directory in which a bundle is made: parts stay there when the making is cut short, and are verified again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path

from moor.errors import ErrorKind, HostError, InputError
from moor.formats.nesting import parse_json
from moor.progress import LOGGER
from moor.resources.hashed_file import FileVersion, hash_of_file
from moor.secrets import private_files
from moor.secrets.secret import mask
from moor.tasks.bundle.manifest import BLOBS, OCI_INDEX, OCI_LAYOUT, Part
from moor.tasks.bundle.tar_file import copy_hashed

SCRATCH = ".making"  # of the tools that collect, gone when the bundle is complete
HASHES = "hashes.json"
LAYOUT = '{"imageLayoutVersion":"1.0.0"}'
REF_NAME = "org.opencontainers.image.ref.name"


@dataclass
class Workshop:
    """The directory of a bundle in the making, and the hashes of what is there."""

    folder: Path
    hashes: dict[str, tuple[list[int], str]] = field(default_factory=dict)

    @property
    def scratch(self) -> Path:
        return self.folder / SCRATCH

    @property
    def blobs(self) -> Path:
        return self.folder / BLOBS

    def open(self) -> None:
        """Make the directory, or go on with what an earlier making left there."""
        for folder in (self.blobs, self.scratch):
            folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob("oci-put-blob*"):  # skopeo's, of a blob that was not complete
            left.unlink()
        (self.folder / OCI_LAYOUT).write_text(LAYOUT)
        with suppress(OSError, ValueError):
            self.hashes = parse_json((self.scratch / HASHES).read_text())

    def part(self, path: str, kind: str) -> Part:
        """Return a part that is complete; it is hashed unless it was since it was last written."""
        place = self.folder / path
        version = list(astuple(FileVersion.of(place.stat())))
        known = self.hashes.get(path)
        digest = known[1] if known and known[0] == version else hash_of_file(place)
        self.hashes[path] = version, digest
        return Part(path, kind, version[0], digest)

    @property
    def versions(self) -> dict[str, FileVersion]:
        """Return the files that were hashed, as they were then."""
        return {path: FileVersion(*version) for path, (version, _) in self.hashes.items()}

    def note(self, path: str, digest: str) -> None:
        """Note the hash of a file that was computed while it was written."""
        version = list(astuple(FileVersion.of((self.folder / path).stat())))
        self.hashes[path] = version, digest

    def save(self) -> None:
        """Keep the hashes for the next making."""
        private_files.write(self.scratch / HASHES, json.dumps(self.hashes).encode())

    def copy_in(self, source: Path, path: str) -> str:
        """Copy a file of this machine to a path of the bundle, unless it is there already; return its hash."""
        wanted, place = hash_of_file(source), self.folder / path
        if not place.is_file() or self.part(path, "").sha256 != wanted:
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = self.scratch / f"copy-{place.name}"
            with source.open("rb") as file, draft.open("wb") as out:
                copied = copy_hashed(file, out.write)
            if copied != wanted:
                raise InputError(f"{source}: it was changed while it was read; run again")
            draft.replace(place)
            self.note(path, copied)
        return wanted

    def write(self, path: str, content: bytes) -> None:
        """Write a small part; one with the same content stays as it is."""
        place = self.folder / path
        if not place.is_file() or place.read_bytes() != content:
            private_files.write(place, content, 0o644)

    def keep_only(self, folder: str, names: Sequence[str]) -> None:
        """Remove what else is below a directory of the bundle, such as packages of former versions."""
        kept = {self.folder / folder / name for name in names}
        for found in sorted((self.folder / folder).rglob("*"), reverse=True):
            if found.is_dir():
                with suppress(OSError):  # not empty
                    found.rmdir()
            elif found not in kept:
                found.unlink()

    def write_index(self, images: Mapping[str, Mapping[str, object]]) -> None:
        """Write the index of the OCI layout: a descriptor of each image, by its name."""
        entries = [{**descriptor, "annotations": {REF_NAME: name}} for name, descriptor in sorted(images.items())]
        document = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
        self.write(OCI_INDEX, json.dumps(document, indent=1).encode())

    def close(self) -> None:
        """Remove what only the making needed."""
        shutil.rmtree(self.scratch, ignore_errors=True)


def find_tool(name: str, why: str) -> str:
    """Return the line to print if a program is missing on this machine; empty if it is there."""
    return "" if shutil.which(name) else f"{name} is not on this machine, and {why}; install it"


def run_tool(words: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Run a program, and return what it printed.

    Raises:
        HostError: it is not there, or it failed; with the last lines that it printed.
    """
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=env,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise HostError(f"{words[0]} is not on this machine; install it", ErrorKind.CONTROLLER) from None
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise HostError(mask(f"{words[0]} failed (exit {done.returncode}): {said}"), ErrorKind.CONTROLLER)
    return done.stdout


def tell(words: str) -> None:
    """Log a line of progress."""
    LOGGER.info("%s", words)


def digests_in(document: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the digest of each descriptor in a manifest or an index, with the descriptor."""
    if isinstance(document, dict):
        if isinstance(document.get("digest"), str) and "mediaType" in document:
            yield document["digest"], document
        for value in document.values():
            yield from digests_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from digests_in(value)
