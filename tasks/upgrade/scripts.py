"""The steps of an upgrade as sh fragments; each may be run again after it was interrupted anywhere.

What exists says how far an upgrade got, so that a host that was switched off needs no other memory:

    WORK/journal    it was begun; before that, nothing of the running Harbor was touched
    WORK/former     the former release was moved away: from here on only the new one can start, even after a reboot
    WORK/prepared   the new one's files are complete
    WORK/back       the new one did not become healthy, and the former one is being put back
    WORK/restored   its data are complete again
    WORK/done       the new one was accepted; only WORK and the copy are still to be removed

Until ``former`` exists, a reboot starts the former release, so the copy is always taken anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote

from moor.resources.base import literal
from moor.resources.file import replace_file, temporary_path
from moor.tasks.harbor.installer import NOTE, TOP_DIRECTORY, unpack_fragment
from moor.tasks.harbor.upgrade.state import BACK, COPIED, DONE, GONE, JOURNAL, MOVED, RESTORED, Place
from moor.tasks.harbor.yml import COMPOSE, FLAGS, RECORD

STOP_S = 60  # PostgreSQL has to end in order: pg_upgrade takes no data of one that was killed
LOG_LINES = 3


def stage(place: Place, package: str, name: str) -> str:
    """Return a fragment that unpacks the new release beside the installed one; Harbor runs meanwhile."""
    return f"""\
{place.variables}\
[ ! -e "$u/{JOURNAL}" ] || exit 0
if [ "$(head -n 1 "$u/harbor/{NOTE}" 2>/dev/null)" != {quote(name)} ]; then
  rm -rf "$u" && (umask 077; mkdir "$u") || exit 1
  {unpack_fragment(package, f"{place.work}/part", name)}
  mv "$part/{TOP_DIRECTORY}" "$u/harbor" && rm -rf "$part"
fi"""


def load(place: Place) -> str:
    """Return a fragment that loads the new release's images; Harbor runs meanwhile."""
    return f"""\
{place.variables}\
[ ! -e "$u/loaded" ] || exit 0
for f in "$u"/harbor/harbor*.tar.gz; do
  [ ! -e "$f" ] || docker load -q -i "$f" >&2 || moor_fail "Docker cannot load the images of $f; nothing was stopped"
done
: > "$u/loaded\""""


def migrate(place: Place) -> str:
    """Return a fragment that has the new release's prepare migrate harbor.yml into the unpacked directory."""
    return f"""\
{place.variables}\
version() {{ sed -n 's/^_version:[[:space:]]*//p' "$1" | tr -d "\\"'" | head -n 1; }}
image=$(sed -n 's/.*[[:space:]]\\([^[:space:]]*\\/prepare:[^[:space:]]*\\)[[:space:]].*/\\1/p' "$u/harbor/prepare" \
| head -n 1)
[ -n "$image" ] || moor_fail "$u/harbor/prepare names no image"
(umask 077; cat "$d/harbor.yml" > "$u/harbor/harbor.yml") || exit 1
[ ! -e "$d/{RECORD}" ] || cp -p "$d/{RECORD}" "$u/harbor/{RECORD}"
[ "$(version "$d/harbor.yml")" = "$(version "$u/harbor/harbor.yml.tmpl")" ] ||
  docker run --rm --privileged -v /:/hostfs "$image" migrate -i "$d/harbor.yml" -o "$u/harbor/harbor.yml" \
    -t "$(version "$u/harbor/harbor.yml.tmpl")" >&2 ||
  moor_fail "$image does not migrate $d/harbor.yml, as it says above; nothing was stopped"
chmod 600 "$u/harbor/harbor.yml\""""


def configure(place: Place, content: str, record: str) -> str:
    """Return a fragment that writes the migrated harbor.yml with the inventory's values, and which of them are moor's.

    Args:
        content: of harbor.yml.
        record: the keys that moor has set, one a line.
    """
    path = f"{place.staged}/harbor.yml"
    return f"""\
p={quote(path)} t={quote(temporary_path(path))}
{replace_file(content, "root:root", "0600", "")}
(umask 077; {literal(record)} > {quote(f"{place.staged}/{RECORD}")})"""


def begin(place: Place, journal: Mapping[str, str]) -> str:
    """Return a fragment that writes the journal, from which on the next apply goes on or back."""
    text = "".join(f"{name} {value}\n" for name, value in journal.items())
    return f"""\
{place.variables}\
{literal(text)} > "$u/{JOURNAL}.part" && printf 'stopped %s\\n' "$(date +%s)" >> "$u/{JOURNAL}.part" &&
  sync && mv "$u/{JOURNAL}.part" "$u/{JOURNAL}\""""


def switch(place: Place) -> str:
    """Return a fragment that stops Harbor, copies its data, and puts the new release in the place of the former one."""
    parts = " ".join(COPIED)
    return f"""\
{place.variables}\
[ ! -e "$u/{MOVED}" ] || exit 0
again() {{ # the former release runs on, with the data that nobody has touched
  rm -rf "$k"; (cd "$d" && docker compose up -d >&2); rm -f "$u/{JOURNAL}"
  moor_fail "$1; the former release runs again, as it was"
}}
(cd "$d" && docker compose down -t {STOP_S} >&2) || again 'Docker does not stop Harbor'
rm -rf "$k" && (umask 077; mkdir "$k") || again "cannot make $k"
for p in {parts}; do
  [ ! -e "$v/$p" ] || cp -a "$v/$p" "$k/$p" >&2 || again "cannot copy $v/$p to $k"
done
sync
mv "$d" "$u/{MOVED}" && mv "$u/harbor" "$d" && sync"""


def start(place: Place, flags: Sequence[str]) -> str:
    """Return a fragment that has the new release prepare its files, and starts it."""
    return f"""\
{place.variables}\
[ ! -e "$u/harbor" ] || [ -e "$d" ] || mv "$u/harbor" "$d" || exit 1
cd "$d" || exit 1
if [ ! -e "$u/prepared" ]; then # what an interrupted prepare has left may be of two runs
  [ ! -e {COMPOSE} ] || docker compose down -t {STOP_S} >&2
  ./prepare {" ".join(map(quote, flags))} >&2 && sync && : > "$u/prepared" || moor_fail 'prepare failed'
fi
docker compose up -d >&2 || moor_fail 'Docker does not start the new release'"""


def explain(place: Place) -> str:
    """Return a fragment that prints the containers that do not run, and the last lines of their logs."""
    ask = '{{.State.Status}} {{.RestartCount}} {{index .Config.Labels "com.docker.compose.service"}}'
    return f"""\
{place.variables}\
cd "$d" 2>/dev/null || exit 0
logs=$(sed -n 's/^ *location: *//p' harbor.yml 2>/dev/null | head -n 1); logs=${{logs:-/var/log/harbor}}
timeout 20 docker inspect -f {quote(ask)} $(timeout 20 docker compose ps -aq 2>/dev/null) 2>/dev/null |
  while read -r status count service; do
    [ "$status" != running ] || [ "$count" -gt 0 ] || continue
    echo "$service is $status, restarted $count times"
    tail -n {LOG_LINES} "$logs/$service.log" 2>/dev/null | cut -c 1-300
  done
:"""


def go_back(place: Place, cause: str) -> str:
    """Return a fragment that puts the former release and its data back, and starts it.

    Args:
        cause: why, which a later run tells too.
    """
    of_harbor = quote(f"label=com.docker.compose.project.working_dir={place.directory}")
    return f"""\
{place.variables}\
[ -e "$u/{BACK}" ] || (umask 077; {literal(cause)} > "$u/{BACK}") || exit 1
if [ -e "$u/{MOVED}" ]; then
  if [ -e "$d" ]; then
    [ ! -e "$d/{COMPOSE}" ] || (cd "$d" && docker compose down -t {STOP_S} >&2)
    left=$(docker ps -aq --filter {of_harbor}) || moor_fail 'Docker does not answer'
    [ -z "$left" ] || docker rm -f $left >&2 || moor_fail 'Docker does not stop the new release'
    rm -rf "$u/failed" && mv "$d" "$u/failed" || exit 1
  fi
  if [ ! -e "$u/{RESTORED}" ]; then
    [ -e "$k/database" ] || moor_fail "$k/database, the copy of the data, is missing; restore a backup"
    for p in {" ".join(COPIED)}; do
      [ -e "$k/$p" ] || continue
      find "$v/$p" -mindepth 1 -maxdepth 1 -exec rm -rf {{}} + && cp -a "$k/$p/." "$v/$p/" >&2 ||
        moor_fail "cannot put $v/$p back from $k/$p, where it stays; make room, then run again"
    done
    sync; : > "$u/{RESTORED}"
  fi
  mv "$u/{MOVED}" "$d" && sync || exit 1
fi
cd "$d" && docker compose up -d >&2"""


def accept(place: Place, flags: Sequence[str]) -> str:
    """Return a fragment that notes that the new release was accepted, and removes what was kept to go back."""
    return f"""\
{place.variables}\
: > "$u/{DONE}" && printf '%s\\n' {quote(" ".join(flags))} > "$d/{FLAGS}" || exit 1
{_sweep()}"""


def sweep(place: Place) -> str:
    """Return a fragment that removes what an upgrade that ended has left: its copies and its journal."""
    return f"{place.variables}{_sweep()}"


def _sweep() -> str:
    # The directory goes by one rename, so that half of it is never taken for an upgrade that was begun.
    gone = f'"$u.{GONE}"'
    return f'rm -rf "$k" {gone} && {{ [ ! -e "$u" ] || mv "$u" {gone}; }} && rm -rf {gone}'
