"""The sh that asks registries upstream for digests.

Logins, CAs and keys are files of a directory that their owner alone may enter, and that is gone when the shell ends;
the next run removes that of one that was killed. Whether a tag has moved is asked by HEAD, which Docker Hub does not
count as a pull; a token is asked for once a repository.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from moor.connections.apis.harbor import MANIFESTS
from moor.resources.base import literal
from moor.secrets.secret import Secret
from moor.tasks.images.origin import HUB, Origin
from moor.tasks.registry.logins import RegistryLogin, docker_auth_entry

ASK_S = 30
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")
HUB_KEY = "https://index.docker.io/v1/"  # the key of its login in Docker's files


@dataclass(frozen=True)
class Side:
    """A registry as the host that copies sees it.

    Attributes:
        place: HOST or HOST:PORT
        login: None for what anybody may read
        ca: PEM; empty where the system trusts the registry
    """

    place: str
    login: tuple[str, Secret] | None = field(default=None, repr=False)
    ca: str = field(default="", repr=False)


def prepare(sides: Mapping[str, Side], proxy: Sequence[str] = ()) -> str:
    """Return sh that makes ``$w`` with a directory for each side: curl's configuration, Docker's logins, the CA.

    Args:
        sides: by the name of their directories
        proxy: lines NAME=VALUE of the environment
    """
    exports = [f"export {line.partition('=')[0]}={quote(line.partition('=')[2])}" for line in proxy]
    logins = {key: entry for side in sides.values() for key, entry in logins_of(side).items()}
    each = [_side(name, side) for name, side in sides.items()]
    return "\n".join([BEGIN, *exports, *each, f'{literal(json.dumps({"auths": logins}))} > "$w/all/config.json"'])


def logins_of(side: Side) -> dict[str, object]:
    """Return a registry's login as it stands below ``auths`` in Docker's files; docker.io has two names there."""
    if side.login is None:
        return {}
    user, password = side.login
    entry = docker_auth_entry(RegistryLogin(user, password.reveal()))
    return dict.fromkeys((HUB, HUB_KEY) if side.place == HUB else (side.place,), entry)


def _side(name: str, side: Side) -> str:
    user, password = side.login or ("", Secret(""))
    curl = f'user = "{_in_quotes(f"{user}:{password.reveal()}")}"\n' if side.login else ""
    made = [
        f'mkdir "$w/{name}" "$w/{name}/certs"; : > "$w/{name}/ca"',
        f'{literal(json.dumps({"auths": logins_of(side)}))} > "$w/{name}/config.json"',
        f'{literal(curl)} > "$w/{name}/login"',
    ]
    if side.ca:
        made += [f'{literal(side.ca)} > "$w/{name}/certs/ca.crt"', f'moor_bundle "$w/{name}"']
    return "\n".join(made)


def _in_quotes(text: str) -> str:
    """Return text as it stands between double quotes in a file of curl's."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


BEGIN = f"""\
umask 077
for f in /run/moor.images.*; do [ ! -d "$f" ] || kill -0 "${{f##*.}}" 2>/dev/null || rm -rf "$f"; done
w=/run/moor.images.$$
rm -rf "$w"; mkdir "$w" "$w/all" || exit 1
trap 'rm -rf "$w"' EXIT; trap 'exit 1' HUP INT PIPE TERM
for f in {" ".join(BUNDLES)}; do [ ! -r "$f" ] || {{ cat "$f"; break; }}; done > "$w/all/bundle"
cp "$w/all/bundle" "$w/system"
moor_bundle() {{ # DIRECTORY: of the system's CAs and that of the registry
  cat "$w/system" "$1/certs/ca.crt" > "$1/bundle"; printf 'cacert = "%s"\\n' "$1/bundle" > "$1/ca"
  cat "$1/certs/ca.crt" >> "$w/all/bundle"
}}
moor_curl() {{ # SIDE ARGUMENT...; sets c to the status
  s=$1; shift
  c=$(curl -sSL --proto =https --proto-redir =https -m {ASK_S} --config "$w/$s/ca" -D "$w/head" -o "$w/body" \\
    -w '%{{http_code}}' "$@" 2>"$w/said") || {{ c=000; tail -n 1 "$w/said" >&2; return 1; }}
  tr -d '\\r' < "$w/head" > "$w/lines"
}}
moor_ask() {{ # SIDE HOST REPOSITORY PATH ARGUMENT...; sets c to the status, g to the digest
  s=$1 h=$2 r=$3 p=$4; shift 4
  k="$w/$s/$(printf %s "$h/$r" | tr -c A-Za-z0-9 _).token"; [ -e "$k" ] || : > "$k"
  moor_curl "$s" --config "$k" -H 'Accept: {MANIFESTS}' "$@" "https://$h/v2/$r/$p" || return 1
  if [ "$c" = 401 ] && [ ! -s "$k" ]; then
    moor_login "$s" "$r" "$k" || {{ c=401; return 0; }}
    moor_curl "$s" --config "$k" -H 'Accept: {MANIFESTS}' "$@" "https://$h/v2/$r/$p" || return 1
  fi
  g=$(sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: *//p' "$w/lines" | tail -n 1)
}}
moor_login() {{ # SIDE REPOSITORY FILE: writes what answers the last challenge
  a=$(sed -n 's/^[Ww][Ww][Ww]-[Aa]uthenticate: *//p' "$w/lines" | tail -n 1)
  case $a in
  [Bb][Aa][Ss][Ii][Cc]*) cp "$w/$1/login" "$3"; [ -s "$3" ]; return ;;
  [Bb][Ee][Aa][Rr][Ee][Rr]*) ;;
  *) return 1 ;;
  esac
  f=$3
  moor_curl "$1" --config "$w/$1/login" -G --data-urlencode "service=$(moor_part service)" \\
    --data-urlencode "scope=repository:$2:pull" "$(moor_part realm)" && [ "$c" = 200 ] || return 1
  t=$(tr -d '\\n' < "$w/body" | sed -n 's/.*"token" *: *"\\([^"]*\\)".*/\\1/p')
  [ -n "$t" ] || t=$(tr -d '\\n' < "$w/body" | sed -n 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/p')
  [ -n "$t" ] && printf 'header = "Authorization: Bearer %s"\\n' "$t" > "$f"
}}
moor_part() {{ printf '%s\\n' "$a" | sed -n "s/.*[ ,]$1=\\"\\([^\\"]*\\)\\".*/\\1/p"; }}"""


def ask_digests(sides: Mapping[str, str], origins: Sequence[Origin]) -> str:
    """Return sh that prints ``moor: NUMBER STATUS DIGEST`` for each origin, or ``moor: NUMBER 000 REASON``.

    A registry that does not answer is not asked again.

    Args:
        sides: the name of each registry's directory, by its place
    """
    asked = "\n".join(
        f"moor_digest {number} {sides[origin.place]} {quote(origin.host)} {quote(origin.repository)} "
        f"{quote(origin.digest or origin.tag)}"
        for number, origin in enumerate(origins)
    )
    return f"{DIGEST}\n{asked}"


DIGEST = """\
command -v curl >/dev/null 2>&1 || { echo 'moor: no curl'; exit 0; }
moor_digest() { # NUMBER SIDE HOST REPOSITORY REFERENCE
  if [ -e "$w/$2/silent" ]; then echo "moor: $1 000 $(cat "$w/$2/silent")"; return; fi
  g=; moor_ask "$2" "$3" "$4" "manifests/$5" -I 2>/dev/null || { # HEAD
    tail -n 1 "$w/said" > "$w/$2/silent"; echo "moor: $1 000 $(cat "$w/$2/silent")"; return; }
  [ "$c" != 200 ] || [ -n "$g" ] || { # the header is optional
    moor_ask "$2" "$3" "$4" "manifests/$5" 2>/dev/null; g=sha256:$(sha256sum < "$w/body" | cut -d' ' -f1); }
  echo "moor: $1 $c $g"
}"""
