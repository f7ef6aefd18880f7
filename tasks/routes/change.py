"""Shell fragments that set routes now and write the files that bring them back after a reboot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from posixpath import dirname
from shlex import quote

from moor.resources.base import literal
from moor.resources.file import temporary_path
from moor.tasks.routes.keepers import BARE, DROP_IN, MODES, NETPLAN, UNIT, UNITS, Placed

# The programs learn of their files, and no interface is configured anew: that would drop what others have set on it,
# such as the routes of a cluster's network or an address that moves between hosts.
READ_ANEW = """\
! command -v netplan >/dev/null || netplan generate >&2 || exit 1
! systemctl is-active -q NetworkManager 2>/dev/null || nmcli connection reload || exit 1"""


def set_now(placed: Iterable[Placed], gone: Iterable[Placed]) -> str:
    """Return sh that sets routes in the kernel, removes others, and fails where another route has the last word."""
    return "\n".join([*(one.remove for one in gone), *(f"{one.set} || exit 1\n{_proof(one)}" for one in placed)])


def _proof(placed: Placed) -> str:
    """Return sh that fails unless the host goes to a single address by the placed way."""
    single, family = placed.route.single, placed.route.family
    if not single:
        return ":"
    return f"""\
w=$(ip -o {family} route get {single} 2>&1 | head -n 1)
case "$w " in
*" {placed.way} "*) ;;
*)
  printf '%s\\n' "{placed}: another route has the last word: $w; see: ip rule; ip {family} route show table all" >&2
  exit 1
  ;;
esac"""


def write_files(files: Mapping[str, str], stale: Iterable[str]) -> str:
    """Return sh that writes and removes files, and has the programs read them."""
    stale = tuple(stale)
    wrote = [_written(path, content) for path, content in files.items()]
    removed = [f"rm -f {quote(path)}" for path in stale]
    removed += [f"rmdir {quote(dirname(path))} 2>/dev/null || :" for path in stale if path.endswith(f"/{DROP_IN}")]
    off = [f"systemctl -q disable {UNIT} || :"] if BARE in stale else []
    on = [f"systemctl -q enable {UNITS[path]} || exit 1" for path in files if path in UNITS]
    return "\n".join([*off, *wrote, *removed, read_anew({*files, *stale}), *on])


def read_anew(paths: Iterable[str]) -> str:
    """Return sh that has the programs read the files of ``paths``."""
    paths = tuple(paths)
    units = ["systemctl daemon-reload || exit 1"] if BARE in paths else []
    return "\n".join([*units, *([READ_ANEW] if NETPLAN in paths else [])]) or ":"


def _written(path: str, content: str) -> str:
    place, new = quote(path), quote(temporary_path(path))
    return f"""\
mkdir -p {quote(dirname(path))} && rm -f {new} && (umask 077; {literal(content)} > {new}) &&
  chmod {MODES.get(path, "0644")} {new} && moor_place {new} {place} || exit 1"""


def keep_former(placed: Iterable[Placed], paths: Iterable[str]) -> str:
    """Return sh that saves routes and files below ``$d``."""
    routes = [
        f'ip {one.route.family} route save table main exact {one.route.to} > "$d/route.{number}" || exit 1'
        for number, one in enumerate(placed)
    ]
    files = [
        f'[ ! -e {quote(path)} ] || cp -p {quote(path)} "$d/file.{number}" || exit 1'
        for number, path in enumerate(paths)
    ]
    return "\n".join([*routes, *files])


def put_back(placed: Iterable[Placed], paths: Iterable[str]) -> str:
    """Return sh that restores what ``keep_former`` saved; it may run several times."""
    paths = tuple(paths)
    routes = [
        f"ip {one.route.family} route flush table main exact {one.route.to}\n"
        f'ip {one.route.family} route restore < "$d/route.{number}" || failed=yes'
        for number, one in enumerate(placed)
    ]
    files = [
        f'if [ -e "$d/file.{number}" ]; then cp -p "$d/file.{number}" {quote(path)}; else rm -f {quote(path)}; fi'
        for number, path in enumerate(paths)
    ]
    if BARE in paths:
        unit = f"$d/file.{paths.index(BARE)}"
        files.append(f'[ -e "{unit}" ] || systemctl -q disable {UNIT} 2>/dev/null')
    return "\n".join(["failed=", *routes, *files, f"(\n{read_anew(paths)}\n) 2>/dev/null", '[ -z "$failed" ]'])
