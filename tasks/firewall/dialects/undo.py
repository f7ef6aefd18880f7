"""Shell fragments for a change of rules that the host undoes unless moor confirms it in time."""

from __future__ import annotations

from collections.abc import Sequence

from moor.engine.shell_functions import ENVIRONMENT
from moor.resources.base import literal

DIRECTORY = "/run/moor-firewall"
UNIT = "moor-firewall-undo"
LOADING_S = 60  # how long an undo waits for rules that are being loaded, so that both do not mix
TRIES = 10  # attempts to restore, since another program may hold the lock of the firewall tool


def arm_and_load(snapshots: Sequence[str], restores: Sequence[str], loads: Sequence[str], undo_s: int) -> str:
    """Return sh that saves the former rules, arms the undo, then loads the new ones; if that fails, it undoes at once.

    The undo and its disarming rename the same file, so that exactly one of them happens.
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
[ ! -e "$d/armed" ] || moor_fail 'the undo of another change is still armed; run again in a minute'
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
    """Return sh that disarms the undo, then saves the rules for the next boot."""
    return f"""\
d={DIRECTORY}
mv "$d/armed" "$d/kept" 2>/dev/null || moor_fail 'the undo came first: the former rules are back; run again'
systemctl stop {UNIT}.timer 2>/dev/null
{keep_rules(keeps)}"""


def keep_rules(keeps: Sequence[str]) -> str:
    """Return sh that saves the rules for the next boot and removes the files of the change."""
    return f"""\
d={DIRECTORY}; mkdir -p -m 700 "$d"
(
{_each(keeps)}
) || exit 1
rm -rf "$d\""""


def _each(fragments: Sequence[str]) -> str:
    return "\n".join(fragments) or ":"
