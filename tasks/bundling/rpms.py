"""RPM packages with all that they depend on, resolved and fetched by dnf in a root of its own."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile, rmtree

from moor.errors import InputError
from moor.tasks.bundle.manifest import Part
from moor.tasks.bundling.needs import PackageNeed
from moor.tasks.bundling.workshop import Workshop, run_tool, tell


def collect_rpms(release: str, need: PackageNeed, workshop: Workshop) -> list[Part]:
    """Return the packages of a release with the metadata of their repository, after fetching them.

    They are fetched as for an installation, since ``dnf download`` does not verify signatures.

    Raises:
        HostError: dnf or createrepo_c failed, or a package is not signed by a key of its source; with dnf's own words.
        InputError: the sources are not there.
    """
    sources, folder = need.sources.sources, workshop.folder / "packages" / release
    if sources is None or not sources.is_file():
        raise InputError(f"data.bundle.packages.sources: no such file: {sources}; copy a host's of /etc/yum.repos.d")
    root = workshop.scratch / f"dnf-{release}"
    fetched = root / "packages"
    for directory in (root / "repos", fetched):
        directory.mkdir(parents=True, exist_ok=True)
    copyfile(sources, root / "repos" / sources.name)
    for names in need.sets:
        tell(f"packages of {release}: {' '.join(names)}")
        run_tool([*_dnf(root, release), "install", "--downloadonly", f"--downloaddir={fetched}", *names])
    run_tool(["createrepo_c", "--quiet", str(fetched)])
    rmtree(folder, ignore_errors=True)  # packages of a former bundle; nothing that was not verified is among the new
    folder.parent.mkdir(parents=True, exist_ok=True)
    fetched.rename(folder)
    names_there = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return [workshop.part(f"packages/{release}/{name}", "packages") for name in names_there]


def _dnf(root: Path, release: str) -> list[str]:
    version = release.rpartition("-")[0].lstrip("abcdefghijklmnopqrstuvwxyz")
    places = [f"reposdir={root / 'repos'}", f"cachedir={root / 'cache'}", f"persistdir={root / 'state'}"]
    options = [*places, "gpgcheck=1", "install_weak_deps=0"]
    return [
        # A plug-in of this machine may bring a repository of its own.
        *("dnf", "-q", "-y", "--noplugins", f"--installroot={root / 'root'}", f"--releasever={version}"),
        f"--forcearch={release.rpartition('-')[2]}",
        *(f"--setopt={option}" for option in options),
    ]
