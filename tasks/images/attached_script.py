"""The sh that asks a registry upstream what is attached to manifests: one curl for all of a repository."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from shlex import quote

from moor.connections.apis.harbor import MANIFESTS
from moor.tasks.attached import Answer
from moor.tasks.images.ask_script import ASK_S
from moor.tasks.images.origin import Origin

LINE = re.compile(r"^moor-at: (\d+) (\d{3}) (\S*)$", re.MULTILINE)
AT_ONCE = 8


def ask_paths(sides: Mapping[str, str], asked: Sequence[tuple[Origin, Sequence[str]]]) -> str:
    """Return sh that prints ``moor-at: NUMBER STATUS BODY`` for each path of each repository, numbered through.

    Args:
        sides: the name of each registry's directory, by its place
        asked: repositories, each with paths below /v2/REPOSITORY/
    """
    number, steps = 0, list[str]()
    for origin, paths in asked:
        lines = "\n".join(f"{number + place} {path}" for place, path in enumerate(paths))
        words = f"{sides[origin.place]} {quote(origin.host)} {quote(origin.repository)}"
        steps.append(f"moor_many {words} <<'moor-asked'\n{lines}\nmoor-asked")
        number += len(paths)
    return "\n".join([MANY, *steps])


def parse_bodies(text: str, asked: Sequence[tuple[Origin, Sequence[str]]]) -> list[dict[str, Answer]]:
    """Return the answers about each repository, by path; those without a line have the status 0."""
    paths = [(place, path) for place, (_, each) in enumerate(asked) for path in each]
    found: list[dict[str, Answer]] = [{path: (0, ()) for path in each} for _, each in asked]
    for number, status, body in LINE.findall(text):
        if int(number) < len(paths):
            place, path = paths[int(number)]
            pages = [*found[place][path][1], b64decode(body)]
            found[place][path] = (int(status), pages)
    return found


# Each path is a transfer of its own in one configuration of curl, since a manifest that is not there is no error. For
# manifests it is a HEAD, which Docker Hub does not count as a pull: most images have none of them. The body of one that
# is there is kept as it is: its hash is the digest.
MANY = f"""\
command -v curl >/dev/null 2>&1 || exit 0
parallel=; ! curl --help all 2>/dev/null | grep -q -- --parallel-max || parallel='--parallel --parallel-max {AT_ONCE}'
moor_many() {{ # SIDE HOST REPOSITORY, with lines NUMBER PATH on stdin
  m="$w/many"; rm -rf "$m"; mkdir "$m"; cat > "$m/asked"
  read -r n p < "$m/asked"
  moor_ask "$1" "$2" "$3" "$p" -I 2>/dev/null || return 0 # logs in, which the others need not any more
  while read -r n p; do
    echo next
    cat "$w/$1/ca" "$k"
    printf 'url = "https://%s/v2/%s/%s"\\n' "$2" "$3" "$p"
    printf 'output = "%s"\\ndump-header = "%s.h"\\nwrite-out = "%%{{http_code}} %s\\\\n"\\n' "$m/$n" "$m/$n" "$n"
    printf 'header = "%s"\\nmax-time = {ASK_S}\\n' 'Accept: {MANIFESTS}'
    case $p in manifests/*) echo head ;; esac
    printf 'silent\\nlocation\\nproto = "=https"\\nproto-redir = "=https"\\n'
  done < "$m/asked" | sed 1d > "$m/config" # the first has none before it
  curl $parallel --config "$m/config" > "$m/codes" 2>"$w/said"
  while read -r n p; do moor_body "$n" "$3" "$1" "$2" "$p"; done < "$m/asked"
}}
moor_body() {{ # NUMBER REPOSITORY SIDE HOST PATH
  number=$1 repository=$2 side=$3 host=$4
  c=$(sed -n "s/^\\([0-9]\\{{3\\}}\\) $number\\$/\\1/p" "$m/codes" | tail -n 1)
  case ${{c:-000}}$5 in 200manifests/*)
    moor_ask "$side" "$host" "$repository" "$5" 2>/dev/null && [ "$c" = 200 ] || {{ # gone meanwhile, or too many
      echo "moor-at: $number ${{c:-000}} "; return; }}
    echo "moor-at: $number 200 $(base64 < "$w/body" | tr -d '\\n')"
    return ;;
  esac
  [ "$c" = 200 ] || {{ echo "moor-at: $number ${{c:-000}} "; return; }}
  echo "moor-at: $number 200 $(base64 < "$m/$number" | tr -d '\\n')"
  l=$(tr -d '\\r' < "$m/$number.h" | moor_next) i=0
  while [ -n "$l" ]; do
    i=$((i + 1))
    case $l in */v2/"$repository"/*) l=${{l#*/v2/"$repository"/}} ;; *) i=99 ;; esac
    [ "$i" -lt 50 ] && moor_ask "$side" "$host" "$repository" "$l" 2>/dev/null && [ "$c" = 200 ] || {{
      echo "moor-at: $number 000 "; return; }}
    echo "moor-at: $number 200 $(base64 < "$w/body" | tr -d '\\n')"
    l=$(moor_next < "$w/lines")
  done
}}
moor_next() {{ sed -n 's/^[Ll]ink: *<\\([^>]*\\)>.*rel="\\{{0,1\\}}next.*/\\1/p' | tail -n 1; }}"""
