"""Harbor's installer, unpacked on its host only if the tar holds nothing but plain files below one directory."""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import basename
from shlex import quote

from moor.resources.base import Required, Scripted, State
from moor.tasks.harbor.releases import release_of
from moor.tasks.harbor.yml import COMPOSE

UNPACK_S = 1800
IS_MET = "yes"
NOTE = ".moor-unpacked"  # holds the name of the installer that the directory was unpacked from
UPGRADE = ".upgrade"  # what an upgrade works in is beside the directory, with this suffix
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


def unpack_fragment(package: str, part: str, name: str) -> str:
    """Return a fragment that checks an installer and unpacks it to ``part``/harbor, with a note of its name."""
    return f"""\
part={quote(part)}; package={quote(package)}
rm -rf "$part" && mkdir -p "${{part%/*}}" && (umask 077; mkdir "$part") || exit 1
{CHECK_LISTING}
tar -xzof "$package" -C "$part" && chmod -R go-w "$part" || refuse 'tar cannot unpack it'
[ -x "$part/{TOP_DIRECTORY}/install.sh" ] || refuse 'it holds no harbor/install.sh'
printf '%s\\n' {quote(name)} > "$part/{TOP_DIRECTORY}/{NOTE}\""""


@dataclass(frozen=True)
class UnpackedInstaller(Scripted):
    """The installer unpacked on its host, renamed to its directory only when it is complete.

    Nothing is unpacked over another release: ``HarborRelease`` upgrades it. An upgrade that was interrupted may have
    moved the directory, which is then found where it put it.
    """

    package: str
    directory: str

    @property
    def id(self) -> str:
        return f"unpacked:{self.directory}"

    @property
    def bound_s(self) -> float:
        return UNPACK_S

    def desired(self, actual: State | None) -> State:
        return actual or {"package": basename(self.package)}

    def probe(self) -> str:
        d, moved = quote(self.directory), quote(f"{self.directory}{UPGRADE}")
        return f"cat {d}/{NOTE} 2>/dev/null || cat {moved}/former/{NOTE} 2>/dev/null || :"

    def actual(self, output: str) -> State | None:
        return {"package": output.strip()} if output else None

    def mend(self, actual: State | None) -> str:
        return f"""\
{unpack_fragment(self.package, f"{self.directory}.moor", basename(self.package))}
d={quote(self.directory)}
[ ! -e "$d" ] || {{ rm -rf "$part"; moor_fail "$d exists and was not unpacked by moor; move it away"; }}
mv "$part/{TOP_DIRECTORY}" "$d" && rm -rf "$part\""""


@dataclass(frozen=True)
class InstalledRelease(Required):
    """Requires that an installed Harbor is of the inventory's release: an upgrade comes before what is done here."""

    package: str
    directory: str

    @property
    def id(self) -> str:
        return "requirement:harbor-release"

    def desired(self, actual: State | None) -> State:
        return {"met": IS_MET}

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        return {"met": IS_MET} if f"{self.directory}/{COMPOSE}" in paths else actual  # the plan has an upgrade

    def probe(self) -> str:
        return f"cat {quote(self.directory)}/{NOTE} 2>/dev/null || :"

    def actual(self, output: str) -> State | None:
        installed = output.strip()
        if not installed or release_of(installed) == release_of(self.package):
            return {"met": IS_MET}
        return {
            "met": f"{installed} is installed and data.harbor.installer names {self.package}; moor apply harbor "
            f"upgrades it: run that first, or name {installed} again"
        }

    def remedy(self, actual: State | None) -> str:
        return str((actual or {}).get("met", "not known"))
