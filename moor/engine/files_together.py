"""The reading of many files by two processes, in place of two for each file."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from moor.resources.base import Probed
from moor.resources.file import ATTRIBUTES, File

# What cannot be read together, such as names that break lines, is read by each file's own probe. Hashes of names with a
# backslash begin with one (sha256sum(1)).
READ = f"""\
moor_k=; moor_n=0
for moor_p; do
  shift; moor_n=$((moor_n + 1))
  if [ -f "$moor_p" ]; then set -- "$@" "$moor_p"; moor_k="$moor_k $moor_n"; fi
done
moor_n=$#
if [ $# -gt 1 ] && moor_s=$(stat -L -c '{ATTRIBUTES}' "$@" 2>/dev/null) && moor_h=$(sha256sum "$@" 2>/dev/null); then
  set -f; IFS='
'
  set -- $moor_s $moor_h
  unset IFS; set +f
  if [ $# = $((2 * moor_n)) ]; then
    for moor_p in $moor_k; do
      eval "moor_s$moor_p=\\$1; moor_h=\\${{$((moor_n + 1))}}"
      moor_h=${{moor_h%% *}}; eval "moor_h$moor_p=\\${{moor_h#\\\\\\\\}}"
      shift
    done
  fi
fi
set --; moor_s=; moor_h=
"""


def numbered_files(resources: Sequence[Probed]) -> dict[int, int]:
    """Return which resources are files that are read together: their numbers among the files, by their place."""
    places = [place for place, resource in enumerate(resources) if isinstance(resource, File)]
    return {place: number for number, place in enumerate(places, 1)} if len(places) > 1 else {}


def read_together(resources: Sequence[Probed], numbered: dict[int, int]) -> str:
    """Return sh that reads the files together, for the probes that ``known_before`` makes; empty if there are none."""
    files = [resource for place in numbered if isinstance(resource := resources[place], File)]
    return f"set -- {' '.join(quote(file.path) for file in files)}\n{READ}" if files else ""


def known_before(probe: str, number: int) -> str:
    """Return the probe of a file with what is known of it: the file with this number among those read together."""
    return f"moor_s=${{moor_s{number}-}} moor_h=${{moor_h{number}-}}\n{probe}"
