"""What a bundle for the lab's hosts is made from: the lab has no internet, so its own images are the package source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moor_lab.images import recipe_of
from moor_lab.lab import Lab
from tests.lab.conftest import Moored
from tests.lab.writing import sections_laid_over


def lab_packages(lab: Lab, host: str, folder: Path) -> dict[str, str]:
    """Return ``data.bundle.packages`` for a host of the lab; its file of sources is written into ``folder``."""
    image = lab.cache / "images" / recipe_of(lab.machine(host).host).key
    sources = folder / "lab.list"
    sources.write_text(f"deb [trusted=yes] file:{image}/opt/moor-lab/apt ./\n")
    return {"release": "trixie", "sources": str(sources), "installed": f"{image}/var/lib/dpkg/status"}


@contextmanager
def registry_out_of_a_bundle(moored: Moored, folder: Path) -> Iterator[None]:
    """Make a bundle of what the registry's host needs; have it alone, without the installer's own file."""
    folder.mkdir()
    section = {"file": str(folder / "fleet"), "packages": lab_packages(moored.lab, "harbor1", folder)}
    with sections_laid_over(moored, {"bundle": section}):
        made = moored.moor("bundle", "create", "--without", "image,moor,chart", timeout_s=300)
        assert made.returncode == 2, made.said
    (installer,) = (folder / "fleet/installer").iterdir()
    gone = {"installer": f"/nowhere/{installer.name}"}
    with sections_laid_over(moored, {"bundle": section, "harbor": gone}):
        yield
