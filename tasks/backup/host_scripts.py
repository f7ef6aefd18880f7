"""Commands on the registry's host that send its files as archives and take them back."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from moor.resources.base import literal
from moor.tasks.backup.installation import MARK, Installation
from moor.tasks.backup.record import Record

STAGE = ".moor-restored"  # beside Harbor's images: blobs that have arrived and are not at their place yet
KEPT_FILES = ("harbor.yml", ".moor-options", ".moor-flags", ".moor-unpacked", "docker-compose.override.yml")
BESIDE = ".moor-restored"  # below the data volume: configuration and keys that are not in their places yet
SECRETS = ("secret/keys", "secret/core", "secret/registry")  # below the data volume; certificates are made anew

# tar ends with 1 where a file changed or went while it was read, which is no fault here: what was read is checked
# by its digest.
CHANGED_MEANWHILE = '[ "$?" -le 1 ]'


def send_configuration(harbor: Installation) -> str:
    """Return the command that sends harbor.yml, Harbor's keys and certificates."""
    paths = [f"{harbor.directory}/{name}" for name in KEPT_FILES]
    paths += [
        f"{harbor.volume}/secret",
        f"{harbor.volume}/ca_download",
        "/etc/moor/registry.crt",
        "/etc/moor/registry.key",
    ]
    return _send_existing(paths)


def send_job_logs(harbor: Installation) -> str:
    """Return the command that sends the logs of Harbor's jobs."""
    return _send_existing([f"{harbor.volume}/job_logs"])


def _send_existing(paths: Iterable[str]) -> str:
    words = " ".join(quote(path.lstrip("/")) for path in paths)
    return f"""\
cd / && for p in {words}; do [ ! -e "$p" ] || set -- "$@" "$p"; done
[ "$#" -gt 0 ] || set -- --files-from=/dev/null
tar --numeric-owner -cf - "$@" || {CHANGED_MEANWHILE}"""


def send_links(harbor: Installation) -> str:
    """Return the command that sends what the registry knows of repositories, without uploads that go on."""
    return f"""\
cd {quote(harbor.images)} 2>/dev/null && [ -d repositories ] || exec tar -cf - --files-from=/dev/null
tar --numeric-owner --exclude=_uploads -cf - repositories || {CHANGED_MEANWHILE}"""


def list_blobs(harbor: Installation) -> str:
    """Return the command that lists the registry's blobs, each with its size."""
    return f"""\
cd {quote(harbor.images)}/blobs/sha256 2>/dev/null || exit 0
find . -mindepth 3 -maxdepth 3 -name data -type f -printf '%P %s\\n' | sed 's#^../##; s#/data##'"""


def send_blobs(harbor: Installation) -> str:
    """Return the command that sends the blobs whose paths it reads; one that has gone is left out."""
    return f"cd {quote(harbor.images)}/blobs && exec tar --numeric-owner -cf - --verbatim-files-from --files-from=-"


def blob_path(digest: str) -> str:
    """Return the path of a blob below the directory of blobs."""
    return f"sha256/{digest[:2]}/{digest}/data"


def free_bytes(directory: str) -> str:
    """Return a script that prints how many bytes are free at a directory that may be missing."""
    return f"""\
d={quote(directory)}; until [ -d "$d" ]; do d=${{d%/*}}; d=${{d:-/}}; done
df -Pk "$d" | sed -n '$s/.* \\([0-9][0-9]*\\)  *[0-9]*% .*/\\1/p'"""


def take_blobs(harbor: Installation) -> str:
    """Return the command that unpacks blobs beside their places, for ``place_blobs``."""
    return f"""\
s={quote(f"{harbor.images}/{STAGE}")}
rm -rf "$s" && mkdir -p "$s" && cd "$s" || exit 1
tar --no-same-owner -xf - && sync -f ."""


def place_blobs(harbor: Installation) -> str:
    """Return the script that puts blobs in their places that have arrived whole; one that is there stays."""
    return f"""\
v={quote(harbor.images)} o={quote(f"{harbor.volume}/registry")}
cd "$v/{STAGE}" || exit 1
chown -R --reference="$o" . || exit 1
find . -type f -name data | while IFS= read -r f; do
  f=${{f#./}}; d=$v/blobs/${{f%/data}}
  mkdir -p "$d" && chown --reference="$o" "$d" "${{d%/*}}" && mv -f "$f" "$d/data" || exit 1
done || exit 1
cd / && rm -rf "$v/{STAGE}"
chown --reference="$o" "${{v%/registry/v2}}" "${{v%/v2}}" "$v" "$v/blobs" "$v/blobs/sha256\""""


def take_links(harbor: Installation) -> str:
    """Return the command that unpacks the registry's repositories over those that are there."""
    return f"""\
v={quote(harbor.images)} o={quote(f"{harbor.volume}/registry")}
mkdir -p "$v" && cd "$v" || exit 1
tar --no-same-owner -xf - || exit 1
chown --reference="$o" "${{v%/registry/v2}}" "${{v%/v2}}" "$v"
[ ! -d repositories ] || chown -R --reference="$o" repositories"""


def begin_restore(harbor: Installation, name: str) -> str:
    """Return the script that notes which backup is being restored."""
    return f"printf '%s\\n' {quote(name)} > {quote(f'{harbor.volume}/{MARK}')}"


def take_beside(harbor: Installation) -> str:
    """Return the command that unpacks an archive of files with their paths beside the places where they belong."""
    return f"""\
umask 077; s={quote(f"{harbor.volume}/{BESIDE}")}
mkdir -p "$s" && cd "$s" && exec tar --numeric-owner -xpf -"""


def take_roles(harbor: Installation) -> str:
    """Return the command that keeps the roles of the database for ``put_in_place``."""
    return f'umask 077; s={quote(f"{harbor.volume}/{BESIDE}")}; mkdir -p "$s" && exec cat > "$s/roles"'


def put_in_place(harbor: Installation, record: Record, is_same_place: bool, swap: str) -> str:
    """Return the fragment that stops Harbor and puts in place what was sent; it can be run again wherever it ended.

    Redis is emptied: what it holds is of another time. Harbor makes sessions and caches anew, and jobservice takes the
    schedules from the database.

    Args:
        harbor: the present installation.
        record: of the backup.
        is_same_place: harbor.yml of the backup has its data where the present one has it, and is put back.
        swap: the program that puts the loaded database in place; empty for none.
    """
    database = harbor.database.command.removeprefix("exec ")
    return f"""\
s={quote(f"{harbor.volume}/{BESIDE}")} v={quote(harbor.volume)} d={quote(harbor.directory)}
from=$s{quote(record.volume)}
cd "$d" || exit 1
moor_stop() {{ docker compose stop $(docker compose config --services | grep -vx postgresql) >&2; }}
moor_put() {{
{_put_settings(harbor, record) if is_same_place else ":"}
{f"{{ {literal(swap)}; }} | ( {database} ) >&2 || return 1" if swap else ":"}
for p in {" ".join(SECRETS)}; do
  [ ! -d "$from/$p" ] || {{ mkdir -p "$v/$p" && cp -a "$from/$p/." "$v/$p/"; }} || return 1
done
[ ! -d "$from/job_logs" ] || cp -a "$from/job_logs/." "$v/job_logs/" || return 1
[ ! -d "$v/redis" ] || find "$v/redis" -mindepth 1 -delete
rm -rf "$s" "$v/{MARK}"
}}
moor_stop || moor_stop && moor_put || {{
  docker compose up -d >&2
  moor_fail 'what was sent could not be put in place, and Harbor was started as it is; run the same command again'
}}"""


def _put_settings(harbor: Installation, record: Record) -> str:
    """Return sh that puts back harbor.yml, and the roles of the database with the passwords that it names."""
    roles = f"( {harbor.database.command.removeprefix('exec ')} )"
    program = harbor.database.program("psql -Xq -d postgres -o /dev/null 2>/dev/null || :").decode()
    return f"""\
if [ -f "$s/roles" ]; then {{ {literal(program)}; cat "$s/roles"; }} | {roles} >&2 || return 1; fi
for f in harbor.yml .moor-options; do
  moor_keep "$d/$f" # which has variables of its own
  saved=$s{quote(record.directory)}/$f
  [ -f "$saved" ] || continue
  cp "$saved" "$d/$f.moor" && chmod 600 "$d/$f.moor" && mv -f "$d/$f.moor" "$d/$f" || return 1
done"""
