"""The configuration that a containerd process loads: the file on its command line, the files that it imports, merged.

Before 2.0, a plugin's table comes from the last file that has one; since then, tables are merged key by key. Where
files of version 2 and 3 are mixed, 2.0 to 2.2 read only the CRI's tables of version 3.

Source  containerd, cmd/containerd/server/config/config.go, before 2.0 services/server/config: LoadConfig, mergeConfig
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from posixpath import dirname, join, normpath
from typing import Any

from moor.formats.toml import Document, merge, parse_toml

MERGE_SINCE = (2, 0)  # the first release that merges a table of several files
MIGRATE_SINCE = (2, 3)  # the first release that migrates every file to one version before merging
RELATIVE_SINCE = (1, 7)  # the first release that resolves a relative glob from the importing file's directory
LARGEST = 1024 * 1024  # bytes of one file

# moor_files prints the given file and its imports, one a line, in containerd's order, also those that do not exist.
# $g is the file on the command line of containerd's process, $c that or else the default file.
LIST_FILES = """\
moor_config_argument() {
  pid=$(systemctl show -p MainPID --value containerd 2>/dev/null)
  if [ -n "${pid#0}" ] && [ -r "/proc/$pid/cmdline" ]; then tr '\\0' '\\n' < "/proc/$pid/cmdline"
  else
    systemctl show -p ExecStart --value containerd 2>/dev/null |
      sed -n 's/.*argv\\[\\]=\\(.*\\) ; ignore_errors.*/\\1/p' | tr ' ' '\\n'
  fi | {
    next=
    while IFS= read -r word; do
      case $next,$word in
      yes,*) echo "$word"; next= ;;
      ,--config=* | ,-config=* | ,-c=*) echo "${word#*=}" ;;
      ,--config | ,-config | ,-c) next=yes ;;
      esac
    done
  } | tail -n 1
}
moor_imports() { # FILE
  sed -n '/^[[:space:]]*imports[[:space:]]*=/{
:more
s/#[^\\n]*//
/\\]/!{
N
b more
}
s/\\].*//
p
}' "$1" | tr -d '\\n' | tr "\\"'" '\\n\\n' | sed -n 'n;p'
}
moor_files() { ( # FILE
  n='
'
  IFS=$n; had=; left=$1
  while [ -n "$left" ]; do
    f=${left%%"$n"*}; case $left in *"$n"*) left=${left#*"$n"} ;; *) left= ;; esac
    case "$n$had$n" in *"$n$f$n"*) continue ;; esac
    had=$had$n$f; echo "$f"; [ -f "$f" ] || continue
    for i in $(set -f; moor_imports "$f" | while IFS= read -r i; do
      case $i in /*) ;; *) i=${f%/*}/$i ;; esac
      case $i in *'*'*) set +f; for m in $i; do [ ! -e "$m" ] || echo "$m"; done ;; *) echo "$i" ;; esac
    done); do left=$left${left:+$n}$i; done
  done
) }
g=$(moor_config_argument); c=${g:-/etc/containerd/config.toml}"""

# The value of a login key is replaced: at the start of a line up to its end, within a line the string or list only.
LOGIN = '\\(auth\\|username\\|password\\|identitytoken\\|Authorization\\)"\\{0,1\\} *= *'
HIDE_LOGINS = (
    f"""sed -e 's/^\\( *"\\{{0,1\\}}{LOGIN}\\).*/\\1"x"/' -e 's/\\({LOGIN}\\)"[^"]*"/\\1"x"/g' """
    f"""-e 's/\\({LOGIN}\\)\\[[^]]*\\]/\\1"x"/g' """
    f"""-e "s/\\({LOGIN.replace('"', chr(92) + '"')}\\)'[^']*'/\\1\\"x\\"/g\""""
)


def read_loaded_config(logins: bool) -> str:
    """Return sh that prints the configuration that containerd loads, for ``parse_loaded_config``.

    Args:
        logins: print logins in the files too; without them, only the registry table can be judged
    """
    return f"""\
{LIST_FILES}
echo "path=$c"; echo "told=$g"; echo "version=$(containerd --version 2>/dev/null)"
moor_dump() {{
  cd "/proc/$pid/cwd" 2>/dev/null || cd / # as the process does: 1.6 resolves relative globs from there
  if [ -n "$g" ] || [ -e "$c" ]; then containerd --config "$c" config dump; else containerd config default; fi 2>&1
}}
pid=$(systemctl show -p MainPID --value containerd 2>/dev/null)
d=$(moor_dump) || echo "refused=$(printf '%s\\n' "$d" | tail -n 1)"
printf '%s\\n' "$d" | sed -n -e 's/^imports = /loaded=/p' \\
  -e '/^ *\\[.*registry\\]/,/^ *\\[/s/^ *config_path = /in_effect=/p'
moor_files "$c" | while IFS= read -r f; do
  if [ -f "$f" ]; then
    echo "file=$(head -c {LARGEST} "$f" | {"cat" if logins else HIDE_LOGINS} | base64 | tr -d '\\n') $f"
  else echo "missing=$f"; fi
done"""


@dataclass(frozen=True)
class LoadedConfig:
    """The configuration that a containerd process loads.

    Attributes:
        path: the main configuration file
        is_named: whether the command line names ``path``
        version: the output of ``containerd --version``
        refused: containerd's error if it cannot read its files
        in_effect: the config_path that containerd itself reports; None if it reports none
        files: content by path, in the order of reading; None for an imported file that does not exist
    """

    path: str
    is_named: bool = False
    version: str = ""
    refused: str = ""
    in_effect: str | None = None
    files: Mapping[str, str | None] = ()  # type: ignore[assignment]  # replaced in __post_init__

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", dict(self.files))

    def with_file(self, path: str, content: str) -> LoadedConfig:
        """Return the configuration with one file added or changed; an added file counts only if another imports it."""
        known = {**self.files, path: content}
        return replace(self, files={name: known.get(name) for name in load_order(self.path, known)}, in_effect=None)


def parse_loaded_config(output: str) -> LoadedConfig:
    """Parse the output of the fragment of ``read_loaded_config``."""
    words: dict[str, str] = {}
    files: dict[str, str | None] = {}
    for line in output.splitlines():
        key, _, value = line.partition("=")
        if key == "file":
            content, _, path = value.partition(" ")
            files[normpath(path)] = _decoded(content)
        elif key == "missing":
            files[normpath(value)] = None
        else:
            words.setdefault(key, value.strip())
    listed = {normpath(path) for path in _strings(words.get("loaded", ""))}
    path = normpath(words.get("path") or "/etc/containerd/config.toml")
    if path in listed:  # before 2.0 it lists all files that were read, later only the imports as written
        files = {name: content for name, content in files.items() if name in listed or content is None}
    in_effect = words.get("in_effect")
    reported = in_effect.strip("\"'") if in_effect is not None else None
    return LoadedConfig(
        path, bool(words.get("told")), words.get("version", ""), words.get("refused", ""), reported, files
    )


def _decoded(content: str) -> str:
    try:
        return base64.b64decode(content).decode("utf-8", "surrogateescape")
    except (ValueError, binascii.Error):
        return ""


def _strings(array: str) -> list[str]:
    return array.replace("'", '"').split('"')[1::2]


def parse_files(files: Mapping[str, str | None]) -> tuple[dict[str, Document], dict[str, str]]:
    """Return the parsed files in order, and the error of each file that is not TOML."""
    trees: dict[str, Document] = {}
    wrong: dict[str, str] = {}
    for path, content in files.items():
        if content is None:
            continue
        try:
            trees[path] = parse_toml(content)
        except ValueError as error:
            wrong[path] = str(error)
    return trees, wrong


def load_order(main: str, known: Mapping[str, str | None]) -> list[str]:
    """Return the paths that containerd reads, in its order, including imports that do not exist.

    Args:
        main: the main configuration file
        known: content by path of the files that exist
    """
    trees, _ = parse_files(known)
    found: list[str] = []
    waiting = [main]
    while waiting:
        path = waiting.pop(0)
        if path in found:
            continue
        found.append(path)
        imports = trees.get(path, {}).get("imports", ())
        waiting += resolve_imports(path, imports if isinstance(imports, list) else (), known)
    return found


def resolve_imports(parent: str, imports: Iterable[object], known: Iterable[str]) -> Iterator[str]:
    """Yield the paths that a file imports, relative to its directory; globs match the known paths."""
    for one in imports:
        pattern = normpath(join(dirname(parent), str(one)))
        if "*" not in pattern:
            yield pattern
        else:
            yield from sorted(p for p in known if p.count("/") == pattern.count("/") and fnmatchcase(p, pattern))


def subtable(tree: Mapping[str, Any], *keys: str) -> Document:
    """Return the table at a path of keys; an empty one if there is no table."""
    found: Any = tree
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def version_of(tree: Mapping[str, Any]) -> int:
    """Return the version that a file declares; 0 if it declares none and so takes that of the other files."""
    version = tree.get("version", 0)
    return version if isinstance(version, int) and version > 1 else 0


def plugin_table(trees: Sequence[Document], plugin: str, release: tuple[int, int]) -> Document:
    """Return a plugin's table that results from the files in their order."""
    tables = [subtable(tree, "plugins", plugin) for tree in trees if plugin in subtable(tree, "plugins")]
    if release < MERGE_SINCE:
        return tables[-1] if tables else {}
    whole: Document = {}
    for one in tables:
        whole = merge(whole, one)
    return whole
