"""A change that undoes itself unless somebody says in time that it is good: nobody locks themself out."""

from __future__ import annotations

from collections.abc import Sequence

from moor.engine.shell_functions import ENVIRONMENT
from moor.resources.base import literal

DIRECTORY = "/run/moor-firewall"
UNIT = "moor-firewall-undo"
LOADING_S = 60  # an undo that comes due while rules are being loaded waits for that, or both would mix
TRIES = 10  # of a restore: another program may hold the tool's lock, and nobody can look after it


def arm_and_load(snapshots: Sequence[str], restores: Sequence[str], loads: Sequence[str], undo_s: int) -> str:
    """Return sh that remembers, arms the undo, then loads; what cannot be loaded is undone at once.

    The undo and its disarming both rename one file, so that exactly one of them happens.
    """
    first = f"""\
{ENVIRONMENT}d={DIRECTORY}; [ -d "$d" ] || exit 0
exec 7>"$d/loading"; n=0; until flock -n 7 || [ $n = {LOADING_S} ]; do n=$((n + 1)); sleep 1; done
mv "$d/armed" "$d/undone" 2>/dev/null || exit 0
"""
    undo = first + "\n".join(
        f"n=0; until (\n{fragment}\n) 7>&-; do n=$((n + 1)); [ $n -lt {TRIES} ] || break; sleep 1; done"
        for fragment in restores
    )
    return f"""\
d={DIRECTORY}
[ ! -e "$d/armed" ] || moor_fail 'the undo of another change is still to come; run again in a minute'
rm -rf "$d" && mkdir -m 700 "$d" || exit 1
{_each(snapshots)}
{literal(undo + chr(10))} > "$d/undo" && : > "$d/armed" || exit 1
exec 7>"$d/loading" && flock -n 7 || exit 1
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
  systemctl stop {UNIT}.timer 2>/dev/null
  systemd-run -q --collect --unit={UNIT} --on-active={undo_s} --timer-property=AccuracySec=100ms \
    /bin/sh "$d/undo" >&2 7>&- || moor_fail 'no undo could be armed, so nothing was changed'
else
  setsid sh -c 'sleep "$1"; exec sh "$2"' sh {undo_s} "$d/undo" </dev/null >/dev/null 2>&1 7>&- 9>&- &
fi
(
{_each(loads)}
) 7>&- || {{ exec 7>&-; sh "$d/undo" >&2; moor_fail 'the rules could not be loaded; the former ones are back'; }}"""


def disarm_and_keep(keeps: Sequence[str]) -> str:
    """Return sh that takes the undo back, then keeps the rules for the next boot."""
    return f"""\
d={DIRECTORY}
mv "$d/armed" "$d/kept" 2>/dev/null || moor_fail 'the undo was faster: the former rules are back; run again'
systemctl stop {UNIT}.timer 2>/dev/null
{keep_rules(keeps)}"""


def keep_rules(keeps: Sequence[str]) -> str:
    """Return sh that keeps the rules for the next boot, and leaves nothing of the change behind."""
    return f"""\
d={DIRECTORY}; mkdir -p -m 700 "$d"
(
{_each(keeps)}
) || exit 1
rm -rf "$d\""""


def _each(fragments: Sequence[str]) -> str:
    return "\n".join(fragments) or ":"
