"""Container images from Debian packages, built without a daemon or a registry.

An image is a list of layers and a configuration; ``docker_archive`` writes several images, which may share layers, into
one file that ``docker load`` and ``ctr images import`` read. Layers are cached by a hash of their recipe.
"""

import fcntl
import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shlex import quote

from moor.errors import MoorError
from moor_lab.building import BOARD, run_watched

WEIGHT = 4.0  # of a layer, beside what else is built
LEAN = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/i18n/*",
    "*/gconv/*",
)  # what no program in a container reads
EPOCH = "1970-01-01T00:00:00Z"


# Imports the modules that are its arguments, and compiles them and all that they import. A source in a layer has
# another time than the file on which it was compiled, so that Python must not look at it.
COMPILE = """\
import sys; sys.dont_write_bytecode = True
from importlib import import_module
from py_compile import PycInvalidationMode, compile
for name in sys.argv[1:]: import_module(name)
for source in {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}:
    if source.endswith(".py"): compile(source, doraise=True, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
"""
COMPILE_IN = """\
set -eu; cd "$1"; shift; made=
for l in lib lib64; do [ -e $l ] || { ln -s usr/$l $l; made="$made $l"; }; done
chroot . /usr/bin/python3 -c "$@"
rm -f $made
"""


@dataclass(frozen=True)
class Debian:
    """A layer of Debian packages with their dependencies, unpacked only; no maintainer script runs.

    Attributes:
        leave_out: dpkg path patterns, beside ``LEAN``
        imports: modules of Python that are compiled with all that they import, which every start would do otherwise
    """

    packages: tuple[str, ...]
    suite: str = "trixie"
    leave_out: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()

    def path(self, cache: Path) -> Path:
        """Return where the layer is kept."""
        return cache / f"layer-{recipe_hash(self)}.tar"


@dataclass(frozen=True)
class Files:
    """A layer of given files, content by path; a path ending in / is a directory, content '-> X' a symbolic link."""

    files: Mapping[str, str]
    executable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Image:
    """An image with one tag: its layers, lowest first, and how a container of it starts."""

    reference: str
    layers: tuple[Path, ...]
    entrypoint: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


def recipe_hash(*parts: object) -> str:
    """Return twelve hex digits of the hash of a recipe."""
    text = json.dumps(parts, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Path):
        return value.name
    return asdict(value)  # type: ignore[call-overload]  # recipes are dataclasses; anything else is a mistake and raises


def cached(entry: Path, make: Callable[[Path], None]) -> Path:
    """Return ``entry``; make it once if it is missing, also for concurrent callers; a failed attempt leaves nothing."""
    if entry.exists():
        return entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    with _lock(entry.with_name(f".{entry.name}.lock")):
        if not entry.exists():
            draft = entry.with_name(f".{entry.name}.draft")
            try:
                make(draft)
                draft.replace(entry)
            finally:
                draft.unlink(missing_ok=True)
    return entry


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def debian_layer(recipe: Debian, cache: Path, name: str) -> Path:
    """Return the tar of a layer of Debian packages, built from this machine's mirror if it is not cached.

    Args:
        name: how progress names it.
    """
    return cached(recipe.path(cache), lambda draft: _mmdebstrap(recipe, draft, name))


def _mmdebstrap(recipe: Debian, draft: Path, name: str) -> None:
    leave_out = [f"--dpkgopt=path-exclude={pattern}" for pattern in (*LEAN, *recipe.leave_out)]
    argv = ["mmdebstrap", "--variant=extract", "--format=tar", f"--include={','.join(recipe.packages)}"]
    argv += ['--aptopt=Acquire::Languages "none"', *leave_out]
    if recipe.imports:
        words = " ".join(map(quote, (COMPILE, *recipe.imports)))
        argv.append(f'--extract-hook=sh -c {quote(COMPILE_IN)} sh "$1" {words}')
    argv += [recipe.suite, str(draft)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": "0"}  # the same packages give the same bytes
    with BOARD.building(name, WEIGHT) as part:
        code, lines = run_watched(argv, part, environment)
    if code:
        said = "\n".join(line for line in lines if not line.startswith("I:"))
        raise MoorError(f"mmdebstrap failed with {code}: {said[-500:]}")


def files_layer(recipe: Files, cache: Path) -> Path:
    """Return the tar of a layer of files."""
    return cached(cache / f"layer-{recipe_hash(recipe)}.tar", lambda draft: _write_files(recipe, draft))


def _write_files(recipe: Files, draft: Path) -> None:
    with tarfile.open(draft, "w") as tar:
        for path, content in sorted(recipe.files.items()):
            tar.addfile(*_member(path, content, path in recipe.executable))


def _member(path: str, content: str, executable: bool) -> tuple[tarfile.TarInfo, io.BytesIO]:
    member = tarfile.TarInfo(path.strip("/"))
    data = content.encode()
    member.mode = 0o755 if executable or path.endswith("/") else 0o644
    if path.endswith("/"):
        member.type = tarfile.DIRTYPE
    elif content.startswith("-> "):
        member.type, member.linkname = tarfile.SYMTYPE, content.removeprefix("-> ")
    else:
        member.size = len(data)
    return member, io.BytesIO(data)


def skeleton(users: Mapping[str, int]) -> Files:
    """Return the layer with the merged /usr, directories and users that unpacked packages need."""
    links = {name: f"-> usr/{name}" for name in ("bin", "sbin", "lib", "lib64")}
    directories = {name: "" for name in ("proc/", "sys/", "run/", "root/", "srv/", "home/", "var/tmp/")}
    everyone = {"root": 0, **users, "nobody": 65534}
    passwd = "".join(f"{name}:x:{number}:{number}::/:/bin/sh\n" for name, number in everyone.items())
    group = "".join(f"{name}:x:{number}:\n" for name, number in everyone.items())
    links["var/run"] = "-> /run"
    names = {"etc/nsswitch.conf": "hosts: files dns\n", "etc/passwd": passwd, "etc/group": group}
    return Files(links | directories | names)


def docker_archive(images: Sequence[Image], out: Path, *, compress: bool = False) -> None:
    """Write ``images`` to one docker-archive, with each shared layer once."""
    layers = {path: digest_of(path) for image in images for path in image.layers}
    with _writer(out, compress) as tar:
        for path, digest in layers.items():
            with path.open("rb") as layer:
                tar.addfile(_sized(f"{digest}.tar", path.stat().st_size), layer)
        manifest = []
        for image in images:
            digests = [layers[path] for path in image.layers]
            configuration = configuration_of(image, digests)
            name = f"{hashlib.sha256(configuration).hexdigest()}.json"
            if name not in tar.getnames():
                tar.addfile(_sized(name, len(configuration)), io.BytesIO(configuration))
            manifest.append({"Config": name, "RepoTags": [image.reference], "Layers": [f"{d}.tar" for d in digests]})
        index = json.dumps(manifest).encode()
        tar.addfile(_sized("manifest.json", len(index)), io.BytesIO(index))


@contextmanager
def _writer(out: Path, compress: bool) -> Iterator[tarfile.TarFile]:
    with out.open("wb") as plain:
        if not compress:
            with tarfile.open(fileobj=plain, mode="w") as tar:
                yield tar
            return
        # level 1, since it is unpacked once, minutes later; time 0, so that equal images are equal bytes
        with (
            gzip.GzipFile("", "wb", compresslevel=1, fileobj=plain, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as tar,
        ):
            yield tar


def configuration_of(image: Image, digests: Sequence[str]) -> bytes:
    """Return an image's configuration; ``digests`` are those of its layers, without the algorithm."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **image.environment}
    config = {
        "architecture": debian_architecture(),
        "os": "linux",
        "created": EPOCH,
        "config": {
            "Entrypoint": list(image.entrypoint),
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "Labels": dict(image.labels),
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": EPOCH, "created_by": "moor lab"} for _ in digests],
    }
    return json.dumps(config, sort_keys=True).encode()


def debian_architecture() -> str:
    """Return this machine's architecture as Debian and OCI call it (amd64, arm64)."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as layer:
        return hashlib.file_digest(layer, "sha256").hexdigest()


def _sized(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member
