"""Proxies that containerd, CRI-O and Docker go through, and whether these leave the registry out.

All are Go programs: NO_PROXY means to them what it means to Go, and only how they were started counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from shlex import quote

LONGEST_SHOWN = 200  # letters of NO_PROXY that are shown

# Prints what a process was started with where HTTPS goes through a proxy, and NO_PROXY as Go takes it. The proxy's own
# address may hold a login and stays on the host. Then the files in which the unit $2 finds NO_PROXY, if any.
READ_ENVIRONMENT = """\
moor_environment() { # PID UNIT
  e=$(tr '\\0' '\\n' < "/proc/$1/environ" 2>/dev/null)
  printf '%s\\n' "$e" | grep -qE '^(HTTPS_PROXY|https_proxy)=.' || return 0
  echo proxy=set
  x=$(printf '%s\\n' "$e" | sed -n 's/^NO_PROXY=\\(.\\)/\\1/p' | tail -n 1)
  [ -n "$x" ] || x=$(printf '%s\\n' "$e" | sed -n 's/^no_proxy=//p' | tail -n 1)
  echo "no_proxy=$x"
  systemctl show -p EnvironmentFiles --value "$2" 2>/dev/null | while read -r f rest; do
    ! grep -qsE '^(CONTAINERD_)?(NO_PROXY|no_proxy)=' "$f" || echo "proxy_file=$f"
  done
}"""

# dockerd itself tells what counts, be it from daemon.json or from its environment; it is only asked where one has any.
READ_DOCKER_PROXY = f"""\
{READ_ENVIRONMENT}
command -v docker >/dev/null || exit 0
pid=$(systemctl show -p MainPID --value docker 2>/dev/null)
f=/etc/docker/daemon.json
! grep -qs '"proxies"' "$f" || echo "proxy_file=$f"
if grep -qs '"proxies"' "$f" || [ -n "$(moor_environment "${{pid:-0}}" docker)" ]; then
  timeout 20 docker info --format '{{{{if .HTTPSProxy}}}}proxy=set{{{{end}}}}
no_proxy={{{{.NoProxy}}}}' 2>/dev/null
  moor_environment "${{pid:-0}}" docker | grep '^proxy_file='
fi
:"""


def read_containerd_proxy(unit: str, own: str = "") -> str:
    """Return the fragment that asks how what pulls was started.

    Args:
        own: ``k3s`` and ``rke2`` start a containerd of their own; anything else is the unit's first process
    """
    pid = f"pid=$(systemctl show -p MainPID --value {quote(unit)} 2>/dev/null)"
    if own in ("k3s", "rke2"):
        pid = f"""\
pid=
for d in /proc/[0-9]*; do
  read -r c < "$d/comm" && [ "$c" = containerd ] || continue
  ! tr '\\0' ' ' < "$d/cmdline" 2>/dev/null | grep -q /rancher/{own}/ || pid=${{d#/proc/}}
done 2>/dev/null"""
    return f"""\
{READ_ENVIRONMENT}
{pid}
case $pid in ''|0) ;; *) moor_environment "$pid" {quote(unit)} ;; esac
:"""


def is_bypassed(name: str, port: int, no_proxy: str) -> bool:
    """Return whether NO_PROXY leaves ``name`` out.

    Go compares the words with what is asked for, which is a name: it is never resolved, so that no address and no
    network in NO_PROXY leaves it out. A name means its subdomains too, one with a dot before it these alone.

    References:
        golang.org/x/net/http/httpproxy, Config.NoProxy
    """
    return any(word == "*" or _matches(name.lower(), port, word) for word in _words(no_proxy))


def _words(no_proxy: str) -> Iterator[str]:
    return (word for word in (part.strip().lower() for part in no_proxy.split(",")) if word)


def _matches(name: str, port: int, word: str) -> bool:
    if is_network(word):
        return False
    host, colon, its = word.rpartition(":")
    if not colon:
        host, its = word, ""
    host = host[1:] if host.startswith("*.") else host
    if not host or ":" in host or its not in ("", str(port)):
        return False
    return name.endswith(host) if host.startswith(".") else name == host or name.endswith(f".{host}")


def is_network(word: str) -> bool:
    """Return whether a word of NO_PROXY is an address or a network, with a port or not."""
    plain = word.rpartition(":")[0] if word.count(":") == 1 else word
    try:
        return bool(ip_network(plain, strict=False) if "/" in plain else ip_address(plain.strip("[]")))
    except ValueError:
        return False


def is_proxied(seen: Mapping[str, str], name: str, port: int) -> bool:
    """Return whether a program goes to the registry through a proxy."""
    return seen.get("proxy") == "set" and not is_bypassed(name, port, seen.get("no_proxy", ""))


def remedy(seen: Mapping[str, str], name: str, unit: str) -> str:
    """Say exactly what has to be written where, so that a service leaves the registry out of its proxy.

    A file that holds NO_PROXY has to change itself, since it wins over what a unit says.
    """
    whole = ",".join([*_words(seen.get("no_proxy", "")), name])
    if len(whole) > LONGEST_SHOWN:
        whole = f"(what it says now),{name}"
    place = seen.get("proxy_file", "")
    restart = f"systemctl daemon-reload; systemctl restart {unit}"
    if place.endswith(".json"):
        return f'in {place}, below "proxies", write "no-proxy": "{whole}"; then: {restart}'
    if place:
        return f"in {place} write NO_PROXY={whole}, for each that is there; then: {restart}"
    drop_in = f"/etc/systemd/system/{unit}.service.d/no-proxy.conf"
    return f'write {drop_in}: [Service], and below it Environment="NO_PROXY={whole}"; then: {restart}'


def judge_proxy(output: str, name: str, port: int, unit: str) -> str:
    """Judge what a fragment printed; empty where the registry is left out."""
    seen = parse_key_values(output)
    if not is_proxied(seen, name, port):
        return ""
    words = seen.get("no_proxy", "")
    more = "; no address or network leaves out a name" if any(map(is_network, _words(words))) else ""
    return (
        f"{unit} goes through a proxy, and its NO_PROXY ({words[:LONGEST_SHOWN]}) does not leave out {name}{more}; "
        f"{remedy(seen, name, unit)}"
    )


def parse_key_values(answer: str) -> dict[str, str]:
    """Read ``key=value`` lines; of a key that comes twice the first counts."""
    found: dict[str, str] = {}
    for line in answer.splitlines():
        key, equals, value = line.partition("=")
        if equals and key.isidentifier():
            found.setdefault(key, value.strip())
    return found
