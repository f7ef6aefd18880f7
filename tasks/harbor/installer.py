"""Harbor's installer, unpacked on its host only if the tar holds nothing but plain files below one directory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from posixpath import basename
from shlex import quote

from moor.resources.base import Scripted, State
from moor.resources.requirement import Requirement

UNPACK_S = 1800
NOTE = ".moor-unpacked"  # holds the name of the installer that the directory was unpacked from
UNPACKED_BY_HAND = "(by hand)"
CPU_S = 600  # of tar, and of its gzip
TOP_DIRECTORY = "harbor"  # the only top-level directory in the installer
MOST_MEMBERS = 1000
MOST_BYTES = 32 * 1024**3

# The tar is listed before it is unpacked; GNU tar and busybox print the same: mode, owner, size, day, time, name. The
# installer has only plain files and directories, so links, devices and set-id bits are refused.
CHECK_LISTING = f"""\
refuse() {{ rm -rf "$part"; moor_fail "not an installer of Harbor: $1"; }}
(ulimit -t {CPU_S}; tar -tzvf "$package") 2>"$part/said" | head -n {MOST_MEMBERS + 1} > "$part/list"
members=0 total=0
while read -r mode owner size day time name more; do
  members=$((members + 1))
  case $mode in
    [!d-]*) refuse "$name is neither a file nor a directory ($mode)" ;;
    *[!drwx-]*) refuse "$name would run as another user ($mode)" ;;
  esac
  case $size in '' | *[!0-9]* | ?????????????*) refuse "an entry that tar lists as $mode $owner $size $day" ;; esac
  total=$((total + size))
  [ -z "$more" ] || refuse "a file name with a space, or a link"
  case $name in *[!A-Za-z0-9._/+@:,=~%-]*) refuse "a file name with unusual characters" ;; esac
  case /$name/ in
    */../*) refuse "$name leads out of it" ;;
    /{TOP_DIRECTORY}/*) ;;
    *) refuse "$name is not below {TOP_DIRECTORY}/" ;;
  esac
done < "$part/list"
[ "$members" -gt 0 ] || refuse "$(head -n 1 "$part/said")"
[ "$members" -le {MOST_MEMBERS} ] || refuse 'more than {MOST_MEMBERS} files'
[ "$total" -le {MOST_BYTES} ] || refuse "it would unpack to $((total / 1048576)) MB"
set -- $(df -Pk "$part" | tail -n 1)
free=${{4:-0}}
[ "$((total / 1024))" -lt "$free" ] || refuse "it would unpack to $((total / 1024)) kB, but only $free kB are free"
"""


@dataclass(frozen=True)
class UnpackedInstaller(Scripted):
    """The installer unpacked on its host, renamed to its directory only when it is complete."""

    package: str
    directory: str

    @property
    def id(self) -> str:
        return f"unpacked:{self.directory}"

    @property
    def bound_s(self) -> float:
        return UNPACK_S

    def desired(self, actual: State | None) -> State:
        if actual is not None and is_same_release(str(actual["package"]), basename(self.package)):
            return actual
        return {"package": basename(self.package)}

    def probe(self) -> str:
        return f"cat {quote(self.directory)}/{NOTE} 2>/dev/null || :"

    def actual(self, output: str) -> State | None:
        return {"package": output.strip()} if output else None

    def mend(self, actual: State | None) -> str:
        if actual is not None:
            return f"moor_fail {quote(judge_release(str(actual['package']), basename(self.package), self.directory))}"
        return f"""\
d={quote(self.directory)}; part="$d.moor"; package={quote(self.package)}
rm -rf "$part" && mkdir -p "${{d%/*}}" && (umask 077; mkdir "$part") || exit 1
{CHECK_LISTING}
tar -xzof "$package" -C "$part" && chmod -R go-w "$part" || refuse 'tar cannot unpack it'
[ -x "$part/{TOP_DIRECTORY}/install.sh" ] || refuse 'it holds no harbor/install.sh'
[ ! -e "$d" ] || {{ rm -rf "$part"; moor_fail "$d exists and was not unpacked by moor; move it away"; }}
printf '%s\\n' {quote(basename(self.package))} > "$part/{TOP_DIRECTORY}/{NOTE}"
mv "$part/{TOP_DIRECTORY}" "$d" && rm -rf "$part\""""


def is_same_release(one: str, other: str) -> bool:
    """Return whether two installers unpack to the same: the online and the offline one of a release do."""
    return one.replace("-online-", "-offline-") == other.replace("-online-", "-offline-")


def release_requirement(package: str, directory: str) -> Requirement:
    """Require that an installed Harbor was unpacked by moor, from ``package``."""
    fragment = f"""\
d={quote(directory)}
if [ -s "$d/{NOTE}" ]; then head -n 1 "$d/{NOTE}"; elif [ -e "$d" ]; then echo '{UNPACKED_BY_HAND}'; fi"""
    return Requirement("harbor-release", fragment, partial(judge_release, package=package, directory=directory))


def judge_release(installed: str, package: str, directory: str) -> str:
    """Return the remedy if the directory was not unpacked from ``package``; empty if it was, or does not exist."""
    present = installed.strip()
    if not present or is_same_release(present, package):
        return ""
    if present == UNPACKED_BY_HAND:
        return (
            f"{directory} is there and was not unpacked by moor; name another data.harbor.directory, move it away if "
            f"nothing of Harbor runs from it, or hand it over: write {package}, if that is its release, into "
            f"{directory}/{NOTE} (docs/harbor.md)"
        )
    # An upgrade migrates the data; unpacking over the old release would lose them.
    return (
        f"{present} is installed and data.harbor.installer names {package}; moor does not upgrade Harbor yet: name "
        f"{present} again, or upgrade by Harbor's own guide first and write {package} into {directory}/{NOTE}"
    )
