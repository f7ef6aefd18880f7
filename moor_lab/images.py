"""Root filesystems of hosts, built once with mmdebstrap and cached by the hash of their recipe."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from moor.errors import MoorError
from moor_lab.building import BOARD, run_watched
from moor_lab.fleet import Host
from moor_lab.machine import Progress, locked, run

WEIGHT = 10.0  # of one image beside what else is built
CACHE = Path("/var/cache/moor-lab")
CUSTOMIZE = Path(__file__).parent / "boot" / "customize.sh"

EVERY_HOST = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "passwd"),
    *("ca-certificates", "iproute2", "nftables", "busybox", "procps"),
)
# python3 is only for the stand-in of the kubelet; moor itself needs no Python on hosts
NODE = ("containerd", "runc", "python3-minimal", "python3", "iptables")
# packages that apt-get install finds on a bare trixie host; older suites have no Compose v2
REPOSITORY = {"trixie": ("docker.io", "docker-cli", "docker-compose", "iptables", "curl", "skopeo", "chrony")}
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*")


@dataclass(frozen=True)
class Recipe:
    """The ingredients of a root filesystem.

    Attributes:
        repository: packages in a local repository, not installed
        idle: installed packages whose services do not run
    """

    suite: str
    kind: str
    packages: tuple[str, ...]
    repository: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return its name for people."""
        return f"{self.suite} {self.kind}"

    @property
    def key(self) -> str:
        """Return a name that differs whenever the resulting image would."""
        parts = [self.suite, self.packages, self.repository, self.idle, LEFT_OUT, CUSTOMIZE.read_text()]
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return f"{self.suite}-{self.kind}-{digest[:12]}"


def recipe_of(host: Host) -> Recipe:
    """Return the recipe of a host's image; hosts of profile light share that of bare ones."""
    idle = tuple(sorted(host.packages))
    if host.profile == "node":
        return Recipe(host.suite, "node", EVERY_HOST + NODE, idle=idle)
    return Recipe(host.suite, "bare", EVERY_HOST, REPOSITORY.get(host.suite, ()), idle)


def build_images(recipes: Iterable[Recipe], cache: Path, progress: Progress) -> dict[Recipe, Path]:
    """Return the root filesystem of each recipe; build missing ones, one per CPU at a time."""
    wanted = list(dict.fromkeys(recipes))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return dict(zip(wanted, pool.map(lambda recipe: build_image(recipe, cache, progress), wanted), strict=True))


def expect_images(recipes: Iterable[Recipe], cache: Path) -> None:
    """Note which images will be built."""
    for recipe in recipes:
        if not (cache / "images" / recipe.key).is_dir():
            BOARD.expect(recipe.name, WEIGHT)


def build_image(recipe: Recipe, cache: Path, progress: Progress) -> Path:
    """Return the root filesystem of one recipe; a failed build leaves nothing in the cache."""
    image = cache / "images" / recipe.key
    if image.is_dir():
        return image
    with locked(cache / f"{recipe.key}.lock", progress):
        if not image.is_dir():
            _build(recipe, image, cache / f"building-{recipe.key}", progress)
    return image


def _build(recipe: Recipe, image: Path, scratch: Path, progress: Progress) -> None:
    shutil.rmtree(scratch, ignore_errors=True)  # of a build that died: the lock is ours
    scratch.mkdir(parents=True)
    started = time.monotonic()
    try:
        _mmdebstrap(recipe, scratch / "root")
        image.parent.mkdir(exist_ok=True)
        (scratch / "root").rename(image)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    progress(f"image {recipe.suite} {recipe.kind}: built in {time.monotonic() - started:.0f} s")


def _mmdebstrap(recipe: Recipe, root: Path) -> None:
    argv = mmdebstrap_argv(recipe, root, mirror())
    with BOARD.building(recipe.name, WEIGHT) as part:
        code, lines = run_watched(argv, part)
    if code:
        said = [line for line in lines if line.startswith(("E:", "W:", "dpkg: error"))]
        last = "; ".join((said or lines)[-4:])
        raise MoorError(f"lab: the image {recipe.suite} {recipe.kind} could not be built: {last}")


def mmdebstrap_argv(recipe: Recipe, root: Path, source: str) -> list[str]:
    """Return the command that builds ``recipe`` into ``root`` from the mirror ``source``."""
    hook = " ".join(["sh", f"'{CUSTOMIZE}'", '"$1"', f"'{' '.join(recipe.idle)}'", *recipe.repository])
    return [
        *("mmdebstrap", "--mode=root", "--format=directory", "--variant=minbase"),
        f"--include={','.join(recipe.packages)}",
        "--aptopt=APT::Install-Recommends false",
        *(f"--aptopt={line}" for line in proxies()),
        "--aptopt=Acquire::Check-Valid-Until false",  # unstable is valid for a week, and mirrors may lag behind
        "--dpkgopt=force-unsafe-io",  # a killed build does not count anyway
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        f"--customize-hook={hook}",
        "--skip=cleanup/apt",  # the hook has left the host's own package lists there
        *(recipe.suite, str(root), source),
    ]


def mirror() -> str:
    """Return the Debian mirror that this machine's own apt uses; Raises MoorError where it has none."""
    targets = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages")
    for line in targets.splitlines():
        uri, component = line.split()
        if component == "main" and uri.startswith("http") and uri.rstrip("/").endswith("/debian"):
            return uri.rstrip("/")
    raise MoorError(
        "lab: apt has no http source of Debian's main; add one to /etc/apt/sources.list, then apt-get update"
    )


def proxies() -> list[str]:
    """Return the proxies that this machine's own apt is told to use, as lines of its configuration."""
    return [line.rstrip(";") for line in run("apt-config", "dump").splitlines() if "::Proxy " in line]
