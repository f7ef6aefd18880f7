"""moor itself and the libraries that it needs, as wheels, each compared with the hash that moor pins."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from moor.errors import InputError
from moor.settings.modules import SHIPPED
from moor.tasks.bundle.manifest import Part
from moor.tasks.bundle.settings import Bundle
from moor.tasks.bundling.workshop import Workshop, run_tool, tell
from moor.version import DISTRIBUTION

FOLDER = "moor"
REQUIREMENTS = "requirements.txt"


def collect_wheels(settings: Bundle, workshop: Workshop) -> list[Part]:
    """Return moor's wheel, those of its libraries, and the requirements with their hashes.

    Raises:
        HostError: pip failed; with its own words.
        InputError: this moor does not know its requirements.
    """
    target = workshop.folder / FOLDER
    target.mkdir(exist_ok=True)
    pinned = requirements()
    workshop.write(f"{FOLDER}/{REQUIREMENTS}", pinned.read_bytes())
    tell("moor: its libraries")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "-q"]
    run_tool([*pip, "download", "--require-hashes", "--only-binary=:all:", *_platform(settings), "-d", str(target),
              *("--find-links", str(target)), "-r", str(pinned)])  # fmt: skip
    own = _own_wheel(pip, workshop)
    names = [
        REQUIREMENTS,
        own.name,
        *(path.name for path in target.glob("*.whl") if not path.name.startswith("moor_fleet-")),
    ]
    workshop.keep_only(FOLDER, names)
    return [workshop.part(f"{FOLDER}/{name}", "moor") for name in sorted(set(names))]


def _platform(settings: Bundle) -> Iterator[str]:
    if settings.python:
        yield f"--python-version={settings.python}"
    if settings.platform:
        yield f"--platform={settings.platform}"


def requirements() -> Path:
    """Return the file of moor's pinned libraries, in the checkout or beside the installed modules."""
    places = (SHIPPED / REQUIREMENTS, Path(__file__).parents[2] / REQUIREMENTS)
    for place in places:
        if place.is_file():
            return place
    raise InputError(f"{places[-1]}: no such file, so moor's libraries are not known; use --without moor")


def _own_wheel(pip: list[str], workshop: Workshop) -> Path:
    """Put moor's own wheel into the bundle: built from the checkout, or packed again from the installed files."""
    target = workshop.folder / FOLDER
    if (SHIPPED / "pyproject.toml").is_file():
        tell("moor: its own wheel")
        scratch = workshop.scratch / "wheel"
        scratch.mkdir(exist_ok=True)
        run_tool([*pip, "wheel", "--no-deps", "-w", str(scratch), str(SHIPPED)])
        (built,) = scratch.glob("*.whl")
        return built.replace(target / built.name)
    try:
        found = distribution(DISTRIBUTION)
    except PackageNotFoundError:
        raise InputError("moor is not installed as a package here, so it has no wheel; use --without moor") from None
    path = target / f"{DISTRIBUTION.replace('-', '_')}-{found.version}-py3-none-any.whl"
    files = {str(file): Path(str(found.locate_file(file))) for file in found.files or ()}
    pack_wheel({name: place for name, place in files.items() if not name.startswith(("..", "/"))}, path)
    return path


def pack_wheel(files: dict[str, Path], path: Path) -> None:
    """Write a wheel of installed files; its RECORD is made anew (the binary distribution format of Python)."""
    left_out = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
    kept = {
        name: place.read_bytes()
        for name, place in sorted(files.items())
        if not name.endswith(".pyc") and not (".dist-info/" in name and name.endswith(left_out)) and place.is_file()
    }
    info = next(name.partition("/")[0] for name in kept if ".dist-info/" in name)
    rows = [f"{name},sha256={_hash(content)},{len(content)}" for name, content in kept.items()]
    record = "\n".join([*rows, f"{info}/RECORD,,", ""])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in [*kept.items(), (f"{info}/RECORD", record.encode())]:
            wheel.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)


def _hash(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
