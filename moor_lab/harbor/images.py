"""The stand-in's container images, and the offline installer that contains them."""

import gzip
import io
import tarfile
from pathlib import Path

from moor_lab.building import BOARD
from moor_lab.harbor.release import FIRST, RELEASES, VARIABLE, notice, shown_version
from moor_lab.oci import (
    WEIGHT,
    Debian,
    Files,
    Image,
    cached,
    debian_layer,
    docker_archive,
    files_layer,
    recipe_hash,
    skeleton,
)

HERE = Path(__file__).parent
CODE = "usr/lib/moor-standin"
BASE = Debian(
    packages=(
        "python3",
        "python3-cryptography",
        "python3-httpx",
        "python3-jinja2",
        "python3-jwt",
        "python3-psycopg2",
        "python3-ruamel.yaml",
        "python3-werkzeug",
        "busybox",
        "dash",
        "docker-registry",
        "grep",
        "nginx",
        "postgresql-17",
        "redis-server",
        "rsyslog",
        "util-linux",
    ),
    leave_out=(
        "*/libLLVM*",
        "*/libz3.so*",
        "*/llvmjit*",
        "/usr/lib/postgresql/*/lib/bitcode/*",
        "*/perl*",
        "*/libperl*",
        "/usr/share/postgresql-common/*",
    ),  # PostgreSQL's just-in-time compiler and its Perl tools: two thirds of the image
    imports=(
        "cryptography.hazmat.primitives.asymmetric.rsa",
        "cryptography.hazmat.primitives.serialization",
        "cryptography.x509.oid",
        "httpx",
        "jinja2",
        "jwt",
        "psycopg2",
        "ruamel.yaml",
        "sqlite3",
        "uuid",
        "werkzeug.routing",
        "werkzeug.serving",
    ),
)
NAME = "Harbor's stand-in"
USERS = {"postgres": 999, "harbor": 10000}
PYTHON = ("/usr/bin/python3", "-m")
PSQL = '#!/bin/sh\nexec /usr/lib/postgresql/17/bin/psql "$@"\n'  # on PATH as in Harbor's; Debian's needs Perl
NGINX = ("/usr/sbin/nginx", "-g", "daemon off;")
STARTS = {  # image to what its containers run
    "harbor-core": (*PYTHON, "moor_lab.harbor.core"),
    "harbor-db": ("/usr/lib/moor-standin/db.sh",),
    "harbor-jobservice": (*PYTHON, "moor_lab.harbor.parts", "jobservice"),
    "harbor-log": ("/usr/sbin/rsyslogd", "-n", "-i", "NONE", "-f", "/etc/rsyslog.d/rsyslog_docker.conf"),
    "harbor-portal": NGINX,
    "harbor-registryctl": (*PYTHON, "moor_lab.harbor.parts", "registryctl"),
    "nginx-photon": NGINX,
    "prepare": (*PYTHON, "moor_lab.harbor.prepare"),
    "redis-photon": ("/usr/bin/redis-server", "/etc/redis.conf"),
    "registry-photon": ("/usr/bin/docker-registry", "serve", "/etc/registry/config.yml"),
}
EXECUTABLE = frozenset({"install.sh", "prepare", "common.sh"})
DATABASE = """#!/bin/sh
# PostgreSQL: the directory of the release before is taken over, as Harbor's image does by pg_upgrade; without one, an
# empty database is made, with the password of harbor.yml, whatever else lies beside it.
set -e
bin=/usr/lib/postgresql/17/bin base=/var/lib/postgresql/data
data=$base/pg$DATABASE former=$base/pg$TAKES_OVER
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
own() { busybox mkdir -p "$1" && busybox chown postgres:postgres "$1" && busybox chmod 700 "$1"; }
own /run/postgresql
if [ ! -f "$data/PG_VERSION" ] && [ -n "$TAKES_OVER" ] && [ -f "$former/PG_VERSION" ]; then
    # PostgreSQL is the same here in both, so that a copy is enough; pg_upgrade refuses one that did not end in order
    [ ! -e "$former/postmaster.pid" ] || { echo "The source cluster was not shut down cleanly." >&2; exit 1; }
    busybox rm -rf "$data.part" && busybox cp -a "$former" "$data.part" && busybox mv "$data.part" "$data"
    busybox rm -rf "$former"
fi
own "$data"
if [ ! -f "$data/PG_VERSION" ]; then
    (umask 077 && printf %s "$POSTGRES_PASSWORD" >/tmp/password) && busybox chown postgres /tmp/password
    # as Harbor's: who is inside the container needs no password, who comes over its network does
    as_postgres $bin/initdb -D "$data" -U postgres --pwfile=/tmp/password --auth=trust --locale=C.UTF-8
    busybox rm -f /tmp/password
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
    echo 'CREATE DATABASE registry;' | as_postgres $bin/postgres --single -D "$data" postgres
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups \\
    $bin/postgres -D "$data" -c listen_addresses='*' -c jit=off
"""


def base_layer(cache: Path) -> Path:
    """Return the layer of Debian packages that the stand-in's images share."""
    return debian_layer(BASE, cache, NAME)


def code() -> Files:
    """Return the layer with moor's own files."""
    parts = [
        path for part in ("core", "parts", "prepare") for path in sorted((HERE / part).rglob("*")) if path.is_file()
    ]
    sources = [HERE / "release.py", *(path for path in parts if path.suffix in (".py", ".jinja"))]
    files = {f"{CODE}/moor_lab/harbor/{path.relative_to(HERE)}": path.read_text() for path in sources}
    scripts = {f"{CODE}/db.sh": DATABASE, "usr/bin/psql": PSQL}
    return Files(files | scripts, frozenset(scripts))


def reference(name: str, release: str) -> str:
    """Return the tag of an image: Harbor's name, with a version that marks the stand-in."""
    return f"goharbor/{name}:{shown_version(release)}"


def environment_of(release: str) -> dict[str, str]:
    """Return the environment of a release's containers; their layers are the same for all releases."""
    traits = RELEASES[release]
    own = {VARIABLE: release, "DATABASE": traits.database, "TAKES_OVER": traits.takes_over}
    return {"PYTHONPATH": f"/{CODE}", "PYTHONUNBUFFERED": "1", **own}


def images(cache: Path, release: str = FIRST) -> list[Image]:
    """Return the images of a release."""
    layers = (base_layer(cache), files_layer(skeleton(USERS), cache), files_layer(code(), cache))
    labels = {"org.opencontainers.image.description": notice(release)}
    environment = environment_of(release)
    return [Image(reference(name, release), layers, start, environment, labels) for name, start in STARTS.items()]


def build_installer(cache: Path, release: str = FIRST) -> Path:
    """Return harbor-offline-installer-VERSION.tgz, laid out like the release's own."""
    files = installer_files(release)
    starts = {name: list(start) for name, start in STARTS.items()}
    recipe = recipe_hash(BASE, skeleton(USERS), code(), starts, files, environment_of(release))
    entry = cache / f"harbor-{recipe}" / f"harbor-offline-installer-{release}.tgz"
    return cached(entry, lambda draft: _write_installer(cache, release, draft))


def build_online_installer(folder: Path) -> Path:
    """Write harbor-online-installer-VERSION.tgz, which holds no images, and return its path."""
    path = folder / f"harbor-online-installer-{FIRST}.tgz"
    with tarfile.open(path, "w:gz") as tar:
        _add_files(tar, installer_files())
    return path


def installer_files(release: str = FIRST) -> dict[str, str]:
    """Return the other files of the installer, content by name."""
    files = {path.name: path.read_text() for path in sorted((HERE / "installer").iterdir())}
    words = {"@VERSION@": shown_version(release), "_version: 2.8.0": f"_version: {RELEASES[release].config}"}
    for name in ("prepare", "harbor.yml.tmpl"):
        for old, new in words.items():
            files[name] = files[name].replace(old, new)
    return files


def _write_installer(cache: Path, release: str, draft: Path) -> None:
    built, files = images(cache, release), installer_files(release)
    archive = draft.with_suffix(".images")
    try:
        with BOARD.building(f"installer {release}", WEIGHT) as part:
            part.doing = "packing"
            docker_archive(built, archive, compress=True)
        with (
            draft.open("wb") as plain,
            gzip.GzipFile("", "wb", compresslevel=1, fileobj=plain, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as tar,
        ):
            _add_files(tar, files)
            tar.add(archive, f"harbor/harbor.{release}.tar.gz", filter=_anonymous)
    finally:
        archive.unlink(missing_ok=True)


def _add_files(tar: tarfile.TarFile, files: dict[str, str]) -> None:
    for name, content in files.items():
        member = tarfile.TarInfo(f"harbor/{name}")
        member.size, member.mode = len(content.encode()), 0o755 if name in EXECUTABLE else 0o644
        tar.addfile(member, io.BytesIO(content.encode()))


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove owner and time, so that equal images give an equal installer."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member
