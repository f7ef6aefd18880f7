"""A registry's hosts.toml as containerd reads it: one wrong setting makes it ignore the whole file.

Source  containerd, core/remotes/docker/config/hosts.go: parseHostsFile, parseHostConfig
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Any

from moor.formats.toml import parse_toml

CAPABILITIES = ("pull", "resolve", "push")
REFERRERS_SINCE = (2, 2)  # the first release with the capability "referrers"
HOST_TABLE_NEEDED = (2, 0)  # older releases ignore a file without a [host] table

# Reads hosts.toml in the directory that containerd uses for the registry $h below $p: the first one that exists, even
# if it is empty. Paths in hosts.toml are relative to that directory.
READ_HOSTS_TOML = """\
o=; case $h in *:*) o=$p/${h%:*}_${h##*:}_ ;; esac
[ -z "$p" ] || for e in "$o" "$p/$h" "$p/_default"; do
  [ -n "$e" ] && [ -e "$e" ] || continue
  [ "$e" != "$o" ] || echo "hidden=$e"
  [ "$e" != "$p/_default" ] || { echo "default=$e"; }
  f=$e/hosts.toml
  if [ -f "$f" ]; then
    echo "toml_file=$f"
    echo "toml=$(sed 's/^\\( *[Aa]uthorization *= *\\).*/\\1"x"/' "$f" | base64 | tr -d '\\n')"
    sed -n 's/^ *ca *= *//p' "$f" | tr -d '\\n' | tr "\\"'" '\\n\\n' | sed -n 'n;p' | while IFS= read -r c; do
      case $c in /*) ;; *) c=$e/$c ;; esac
      [ -r "$c" ] || echo "ca_missing=$c"
    done
  fi
  break
done"""


def read_generated_hosts_toml(runtime: str, host_port: str) -> str:
    """Return sh that reads the hosts.toml that k3s or RKE2 generated from registries.yaml for a registry."""
    place = f"/var/lib/rancher/{runtime}/agent/etc/containerd/certs.d"
    return f"h={quote(host_port)} p={place}\n{READ_HOSTS_TOML}"


def parse_hosts_toml(raw: str | None, release: tuple[int, int]) -> dict[str, str]:
    """Return the state of a hosts.toml, whether it names a CA, and which of its places skip the certificate check.

    Args:
        raw: the file in base64; None if it is missing
    """
    if raw is None:
        return {"hosts_toml": "missing"}
    try:
        content = base64.b64decode(raw).decode()
        tree = parse_toml(content)
    except (ValueError, binascii.Error) as error:
        return {"hosts_toml": "malformed", "toml_error": f"it is no TOML: {error}"}
    if not content.strip():
        return {"hosts_toml": "missing"}
    wrong = next(_wrong(tree, release), "")
    if wrong:
        return {"hosts_toml": "malformed", "toml_error": wrong}
    return {
        "hosts_toml": "read",
        "toml_server": str(tree.get("server", "")),
        "toml_ca": "yes" if any(table.get("ca") for _, table in _tables(tree)) else "no",
        "unchecked": ", ".join(dict.fromkeys(_unchecked(tree))),
    }


def _tables(tree: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each URL from which images may come, with its settings; the server comes last, as in containerd."""
    hosts = tree.get("host")
    for name, table in hosts.items() if isinstance(hosts, dict) else ():
        if isinstance(table, dict):
            yield str(name), table
    yield str(tree.get("server") or ""), tree


def _wrong(tree: Mapping[str, Any], release: tuple[int, int]) -> Iterator[str]:
    hosts = tree.get("host")
    if (hosts is None and release < HOST_TABLE_NEEDED) or not isinstance(hosts, dict | None):
        yield 'it has no table [host."URL"]'
    known = (*CAPABILITIES, *(("referrers",) if release >= REFERRERS_SINCE else ()))
    for place, table in _tables(tree):
        words = table.get("capabilities") or []
        listed = words if isinstance(words, list) else [words]
        unknown = [word for word in listed if str(word).lower() not in known]
        if unknown or not isinstance(words, list):
            rejected = unknown or words
            yield f"capabilities of {place or 'the file'}: containerd knows {', '.join(known)}, and not {rejected!r}"
        for key, kinds in (("skip_verify", bool), ("override_path", bool), ("ca", str | list), ("client", str | list)):
            if key in table and not isinstance(table[key], kinds):
                yield f"{key} of {place or 'the file'} is {table[key]!r}"
        if not isinstance(table.get("server", ""), str):
            yield "server is not a string"


def _unchecked(tree: Mapping[str, Any]) -> Iterator[str]:
    for place, table in _tables(tree):
        if table.get("skip_verify") is True:
            yield f"skip_verify of {place or 'the server'}"
        if place.startswith("http:"):
            yield place
