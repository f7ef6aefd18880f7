"""Putting a new site in its place: checked as a whole beforehand, and never over files that are there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from moor.errors import InputError, MoorError
from moor.init.answers import OPTION_BY_KEY
from moor.run.input_check import refuse_bad_input
from moor.run.selection import find_runbook, refuse_unfilled
from moor.secrets import private_files
from moor.settings.config import CONFIG
from moor.sites.site import open_site

GITIGNORE, README = ".gitignore", "README.md"
SHARED = (GITIGNORE, README)  # a directory may have these before it is a site
READABLE = 0o644
MAY_LACK = ("secrets/kubeconfig",)  # a site without it is planned as far as the cluster is not needed


@dataclass(frozen=True)
class Draft:
    """The files of a new site.

    Attributes:
        files: texts by path
        private: texts of files that their owner alone may read, such as passwords
        ignored: the lines that .gitignore needs
    """

    files: Mapping[str, str | bytes]
    private: Mapping[str, str] = field(default_factory=dict, repr=False)
    ignored: tuple[str, ...] = ()

    def write(self, folder: Path) -> Iterator[Path]:
        """Write the files below a folder, and yield each one; raise FileExistsError rather than replace one."""
        for contents, mode in ((self.files, READABLE), (self.private, 0o600)):
            for name, content in contents.items():
                path = folder / name
                _make_folder(path.parent, folder, private=mode == 0o600)
                raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
                if not private_files.write_new(path, raw, mode):
                    raise FileExistsError(17, os.strerror(17), str(path))
                yield path


def _make_site(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileNotFoundError, FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"{folder}: {(error.strerror or '').lower()}; name another directory: moor init DIR"
        ) from error


def _make_folder(path: Path, site: Path, private: bool) -> None:
    if not path.exists():
        _make_folder(path.parent, site, private=False)
        path.mkdir(mode=0o700 if private else 0o755)


def refuse_taken(folder: Path, names: Iterable[str] = (CONFIG,)) -> None:
    """Raise InputError if the folder is a site, if it has one of the files, or if it is none."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{folder}: not a directory; name another one")
    taken = [name for name in names if name not in SHARED and os.path.lexists(folder / name)]
    if CONFIG in taken:
        raise InputError(
            f"{folder / CONFIG}: there is a site already, which moor init leaves as it is; edit its files, or name "
            "another directory: moor init DIR"
        )
    if taken:
        raise InputError(
            f"{folder}: {', '.join(taken)}: there already, and moor init writes over nothing; move them away, or name "
            "another directory: moor init DIR"
        )


def check_draft(draft: Draft, folder: Path, brought: Iterable[str] = ()) -> None:
    """Read the draft as moor check would, without reaching a host.

    Args:
        draft: what is to be written
        folder: where; messages name files there
        brought: files with secrets that the user will bring

    Raises:
        InputError: every fault, with the option that it comes from.
    """
    with TemporaryDirectory(prefix="moor-init-") as name:
        try:
            whole = {**draft.private, **{path: "to be written" for path in brought if path not in MAY_LACK}}
            list(Draft(draft.files, whole).write(Path(name)))
            nr = open_site(Path(name), dry_run=True)
            stages = find_runbook(Path(name), "site").stages
            refuse_unfilled(nr, stages)
            refuse_bad_input(nr.inventory.hosts.values(), stages, partly=True)
        except MoorError as error:
            lines = str(error).replace(name, str(folder)).splitlines()
            raise InputError("\n".join(map(with_option, lines))) from error


def with_option(line: str) -> str:
    """Put the option in front of a fault in place of the file and key that it set."""
    for key, option in OPTION_BY_KEY.items():
        place, found, words = line.partition(f" {key}: ")
        if found and place.startswith(("inventory/", CONFIG)):
            return f"{option}: {words}"
        if line.startswith(f"{key}: "):
            return f"{option}: {line[len(key) + 2 :]}"
    return line


def place(draft: Draft, folder: Path, brought: Iterable[str] = ()) -> list[str]:
    """Write a site that was checked, all of it or nothing.

    Args:
        draft: the files
        folder: where
        brought: files that the user will bring; their directories are made

    Returns:
        the files that are there already and stay as they are.
    """
    kept = [name for name in draft.files if name in SHARED and (folder / name).exists()]
    files = {name: text for name, text in draft.files.items() if name not in kept}
    refuse_taken(folder, (*files, *draft.private))
    with _undone_on_error(folder) as written:
        _make_site(folder)
        for path in Draft(files, draft.private).write(folder):
            written.append(path)
        _ignore(folder / GITIGNORE, draft.ignored)
        for name in brought:
            _make_folder((folder / name).parent, folder, private=name.startswith("secrets/"))
    return kept


@contextmanager
def _undone_on_error(folder: Path) -> Iterator[list[Path]]:
    """Remove what was written, and the directories that are empty then, if the rest cannot be written."""
    is_new, written = not folder.exists(), list[Path]()
    try:
        yield written
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        for parent in sorted({path.parent for path in written}, reverse=True):
            with suppress(OSError):
                parent.rmdir()
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise


def _ignore(path: Path, lines: Iterable[str]) -> None:
    """Add the lines that a .gitignore lacks to its end."""
    text = path.read_text("utf-8", "surrogateescape") if path.exists() else ""
    lacking = [line for line in lines if line not in text.splitlines()]
    if lacking:
        gap = "\n" if text and not text.endswith("\n") else ""
        path.write_text(text + gap + "".join(f"{line}\n" for line in lacking), "utf-8", "surrogateescape")
