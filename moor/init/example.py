"""The shipped example sites, and copies of them."""

from __future__ import annotations

import re
from pathlib import Path

import moor
from moor.errors import InputError
from moor.init.paths import CA_PASSPHRASE, GITIGNORE, HARBOR_ADMIN
from moor.init.placing import README, Draft
from moor.secrets.secret import generate
from moor.suggestions import did_you_mean

EXAMPLES = Path(moor.__file__).parent / "examples"
PAGE_LINK = re.compile(r"\[([^\]]+)\]\(\.\./\.\./(docs/[^)]+)\)")
TO_BRING = re.compile(r"^\| `([^`]+)` \| (.*) \|$", re.MULTILINE)


def example_names() -> list[str]:
    """List the examples."""
    return sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


def draft_of_example(name: str) -> Draft:
    """Return a copy of an example with the secrets that moor can make; raise InputError if there is no such example."""
    names = example_names()
    if name not in names:
        raise InputError(f"--example: {name}: there are {', '.join(names)}{did_you_mean(name, names)}")
    folder = EXAMPLES / name
    files: dict[str, str | bytes] = {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    files[README] = PAGE_LINK.sub(r"\1 (\2)", _text(folder))
    written = "".join(path.read_text() for path in folder.rglob("*.yaml"))
    made = [path for path in (CA_PASSPHRASE, HARBOR_ADMIN) if f"file:{path}" in written]
    return Draft(files, {path: f"{generate().reveal()}\n" for path in made}, GITIGNORE)


def to_bring_for(name: str) -> dict[str, str]:
    """Return the files that the user of an example has to bring, with what goes into each, as its page lists them."""
    return dict(TO_BRING.findall(_text(EXAMPLES / name)))


def _text(folder: Path) -> str:
    return (folder / README).read_text("utf-8")
