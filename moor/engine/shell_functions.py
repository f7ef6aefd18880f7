"""The sh functions that mending fragments may call, and the start of their scripts: environment, host lock, output."""

import getpass
import os
import socket
from functools import lru_cache
from shlex import quote

RUNS = "/var/lib/moor/runs"  # former contents of files, by run
LOCK = "/run/moor.lock"
BUSY = 75  # exit status if the lock stayed held; EX_TEMPFAIL of sysexits.h
WAITED = 76  # exit status after waiting for the lock: nothing was changed, since the host must be read again

ENVIRONMENT = """\
LC_ALL=C; PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export LC_ALL PATH
umask 022
"""

# moor_keep saves a file's former content once a run, so that it is the content from before the run.
# moor_put_back also saves the content that it replaces, since a person may have edited it after moor.
# moor_written records the hash of each file at the end of a run, so that a rollback notices later changes.
# moor_put_back takes the newest saved content: a run that was killed before its restart left its copy behind. Content
# from before the last successful start (moor_settled) is not put back, since a later failure has another cause.
FUNCTIONS = """\
moor_fail() { printf '%s\\n' "$1" >&2; exit 1; }
moor_unwritable() {
  d=$2; until [ -d "$d" ]; do d=${d%/*}; d=${d:-/}; done
  free=$(df -Pk "$d" 2>/dev/null | sed -n '2s/.* \\([0-9][0-9]*\\)  *[0-9]*% .*/\\1/p')
  said=$( (: > "$d/.moor") 2>&1 ); rm -f "$d/.moor" "$2"
  case "$free,$said" in
  *Read-only*) why='its file system is read-only; mount it writable, or see in dmesg why it is not' ;;
  *'not permitted'*) why="$d is immutable; see lsattr -d $d, then chattr -i $d" ;;
  0,* | *'No space'*) why="no space is left below $d; make room" ;;
  *) why="see the error above, and the permissions of $d" ;;
  esac
  moor_fail "$1: $why"
}
moor_keep() {
  k="$moor_runs/$moor_run/files$1"
  if [ -e "$k" ] || [ -e "$k.absent" ]; then return 0; fi
  if (umask 077; mkdir -p "${k%/*}") && if [ -f "$1" ]; then cp -p "$1" "$k.part" && mv "$k.part" "$k"
    else : > "$k.absent"; fi; then return 0; fi
  moor_unwritable "cannot keep the former content of $1" "$k.part"
}
moor_settled() {
  s="$moor_runs/$moor_run/settled$1"
  (umask 077; mkdir -p "${s%/*}") && : > "$s"
}
moor_put_back() {
  k=
  for d in "$moor_runs"/*/ "$moor_runs/$moor_run/"; do
    if [ -e "$d/files$1" ] || [ -e "$d/files$1.absent" ]; then k="$d/files$1"; fi
    [ ! -e "$d/settled$1" ] || k=
  done
  [ -n "$k" ] || return 1
  p=$1; [ ! -L "$p" ] || p=$(readlink -f "$p") || moor_fail "cannot follow the link $1"
  r="$moor_runs/$moor_run/refused$1"
  [ ! -f "$p" ] || { (umask 077; mkdir -p "${r%/*}") && cp -p "$p" "$r"; }
  if [ -e "$k" ]; then cp -p "$k" "$p.moor" && mv -f "$p.moor" "$p" && moor_label "$p"; else rm -f "$p"; fi ||
    moor_fail "cannot give $1 its former content, which is $k"
}
moor_written() {
  [ -d "$moor_runs/$moor_run/files" ] || return 0
  (
    umask 077
    find "$moor_runs/$moor_run/files" -type f ! -name '*.part' -exec sh -c '
      r=$1; shift
      for k; do
        p=${k#"$r/files"}
        [ -s "$k" ] || case $k in *.absent) p=${p%.absent} ;; esac
        w=$r/written$p; mkdir -p "${w%/*}" || exit 1
        if [ -f "$p" ]; then s=$(sha256sum < "$p"); echo "${s%% *}" > "$w"; else echo absent > "$w"; fi
      done' sh "$moor_runs/$moor_run" {} +
  ) 2>/dev/null </dev/null
}
moor_label() { # a new file has its directory's label, which SELinux's policy may want otherwise
  ! selinuxenabled 2>/dev/null || restorecon "$1" || moor_fail "cannot give $1 the label that SELinux's policy wants"
}
moor_place() {
  if sync "$1" 2>/dev/null || sync; then said=$(mv -f "$1" "$2" 2>&1); else false; fi && moor_label "$2" && return 0
  rm -f "$1"; printf '%s\n' "$said" >&2
  case $said in
  *'not permitted'*) why="; it is immutable: see lsattr $2, then chattr -i $2" ;;
  *busy*) why="; something is mounted on it: umount $2" ;;
  *) why= ;;
  esac
  moor_fail "cannot put $2 in place$why"
}
"""

# The names of runs sort by time, as far as the controllers' clocks agree.
REMOVE_OLD_RUNS = """\
ls -1 "$moor_runs" 2>/dev/null | grep -vxF -e "$moor_run" | sort -r | tail -n +21 |
  while IFS= read -r r; do rm -rf "$moor_runs/$r"; done
"""


WAIT_S = 60  # for the lock; a script left behind by a killed controller or a lost connection ends on its own

# Every process that can open the file can lock it, so only root may open it.
TAKE_LOCK = f"""\
command -v flock >/dev/null || {{ echo 'flock is missing here; install util-linux' >&2; exit 1; }}
umask 077; exec 9>>"$moor_lock" || exit 1
chmod 600 "$moor_lock"; umask 022
waited=0
until flock -n 9; do
  if [ "$waited" -ge "$moor_wait" ]; then
    printf 'another run holds the lock of this host: %s\\n' "$(cat "$moor_lock")" >&2; exit {BUSY}
  fi
  sleep 1; waited=$((waited + 1)) # busybox' flock cannot wait for a while
done
[ "$waited" = 0 ] || exit {WAITED}
printf '%s of %s, since %s, pid %s\\n' "$moor_run" "$moor_by" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" $$ > "$moor_lock"
"""


# If the connection breaks, SIGPIPE would end the script, or apt-get, in the middle of a change. So the output goes
# through a shell that discards what it cannot pass on. It stops at the line that marks the end, since a daemon that
# the script started may hold the pipe open. It passes on whole pieces, since each write is a packet; with $2, no empty
# ones.
RELAY = """\
moor_relay() {
  trap '' PIPE
  n='
'
  b=; e=
  while IFS= read -r l; do
    case $l in
    "$1 over") return 0 ;;
    "$1 "*" begin") b=$b$l$n; e=$b$n ;;
    "$1 "*" end "*) [ "${2-}$b" = "quiet$e" ] || printf '%s\\n' "$b$l" 2>/dev/null || :; b= ;;
    *) b=$b$l$n; [ ${#b} -lt 4096 ] || { printf %s "$b" 2>/dev/null || :; b=; } ;;
    esac
  done
  printf %s "$b" 2>/dev/null || :
}
"""


def run_to_end(call: str, mark: str) -> str:
    """Return sh that runs ``call`` to its end even if the connection breaks; ``mark`` separates its outputs."""
    word = quote(mark)
    told = f"printf '\\n%s over\\n' {word}"
    return (
        f"{RELAY}{{ {{ {call}; {told}; {told} >&2; }} 2>&1 >&8 8>&- | moor_relay {word} quiet >&2 8>&-; }} 8>&1 |\n"
        f"  moor_relay {word}\n"
    )


def current_operator() -> str:
    """Return the user and the machine that run moor, as ``user@machine``."""
    return _operator(os.environ.get("SUDO_USER", ""))


@lru_cache
def _operator(sudo_user: str) -> str:
    try:
        user = sudo_user or getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def script_head(run: str, by: str, runs: str, lock: str) -> str:
    """Return the start of an apply script: its functions, its variables, and the host lock, held until the shell ends.

    It is a kernel lock, so a killed process does not leave it behind; the file names the holder.

    Args:
        run: the run's name.
        by: who runs moor, as ``current_operator`` returns it.
        runs: the directory of former contents.
        lock: the lock file.
    """
    known = {"moor_runs": runs, "moor_run": run, "moor_by": by, "moor_lock": lock, "moor_wait": str(WAIT_S)}
    names = "; ".join(f"{name}={quote(value)}" for name, value in known.items())
    return f"{ENVIRONMENT}{FUNCTIONS}{names}\n{TAKE_LOCK}"
