"""HTTP proxies of containerd, CRI-O and Docker, and whether their NO_PROXY excludes the registry.

All three are Go programs: they read NO_PROXY by Go's rules, from the environment they were started with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from shlex import quote

OWN_FILES = "/etc/moor/"  # where the files are that moor writes
LONGEST_SHOWN = 200  # characters of NO_PROXY in a message

# Prints whether a process was started with an HTTPS proxy, which, and its NO_PROXY as Go reads it; a login in the
# proxy's address is not printed. Then prints the environment files of the unit $2 that set NO_PROXY.
READ_ENVIRONMENT = """\
moor_environment() { # PID UNIT
  e=$(tr '\\0' '\\n' < "/proc/$1/environ" 2>/dev/null)
  printf '%s\\n' "$e" | grep -qE '^(HTTPS_PROXY|https_proxy)=.' || return 0
  echo proxy=set
  x=$(printf '%s\\n' "$e" | sed -n 's/^HTTPS_PROXY=\\(.\\)/\\1/p' | tail -n 1)
  [ -n "$x" ] || x=$(printf '%s\\n' "$e" | sed -n 's/^https_proxy=//p' | tail -n 1)
  echo "url=$(printf '%s\\n' "$x" | sed 's#^\\([a-z0-9]*://\\)*.*@#\\1#')"
  x=$(printf '%s\\n' "$e" | sed -n 's/^NO_PROXY=\\(.\\)/\\1/p' | tail -n 1)
  [ -n "$x" ] || x=$(printf '%s\\n' "$e" | sed -n 's/^no_proxy=//p' | tail -n 1)
  echo "no_proxy=$x"
  systemctl show -p EnvironmentFiles --value "$2" 2>/dev/null | while read -r f rest; do
    ! grep -qsE '^(CONTAINERD_)?(NO_PROXY|no_proxy)=' "$f" || echo "proxy_file=$f"
  done
}"""

# dockerd itself reports its proxy, from daemon.json or its environment; it is asked only where one of them has one.
READ_DOCKER_PROXY = f"""\
{READ_ENVIRONMENT}
command -v docker >/dev/null || exit 0
pid=$(systemctl show -p MainPID --value docker 2>/dev/null)
f=/etc/docker/daemon.json
! grep -qs '"proxies"' "$f" || echo "proxy_file=$f"
if grep -qs '"proxies"' "$f" || [ -n "$(moor_environment "${{pid:-0}}" docker)" ]; then
  timeout 20 docker info --format '{{{{if .HTTPSProxy}}}}proxy=set{{{{end}}}}
url={{{{.HTTPSProxy}}}}
no_proxy={{{{.NoProxy}}}}' 2>/dev/null | sed '/^url=/s#=\\([a-z0-9]*://\\)*.*@#=\\1#'
  moor_environment "${{pid:-0}}" docker | grep '^proxy_file='
fi
:"""


def read_containerd_proxy(unit: str, own: str = "") -> str:
    """Return the fragment that reads the proxy settings with which a runtime's process was started.

    Args:
        unit: the runtime's systemd unit
        own: ``k3s`` or ``rke2``, which start a containerd of their own; otherwise the unit's main process is read
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
    """Return whether NO_PROXY excludes ``name`` from the proxy.

    Go compares the entries with the name that is requested and never resolves it, so an address or network in NO_PROXY
    does not exclude a name. An entry matches its subdomains too; with a leading dot it matches the subdomains only.

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
    """Return whether an entry of NO_PROXY is an address or a network, with or without a port."""
    plain = word.rpartition(":")[0] if word.count(":") == 1 else word
    try:
        return bool(ip_network(plain, strict=False) if "/" in plain else ip_address(plain.strip("[]")))
    except ValueError:
        return False


def is_proxied(seen: Mapping[str, str], name: str, port: int) -> bool:
    """Return whether a program connects to the registry through a proxy.

    Args:
        seen: the fragment's output as keys and values
    """
    return seen.get("proxy") == "set" and not is_bypassed(name, port, seen.get("no_proxy", ""))


def remedy(seen: Mapping[str, str], name: str, unit: str) -> str:
    """Return the remedy: which file to edit so that a service's NO_PROXY excludes the registry, and what to write.

    An environment file that sets NO_PROXY must be edited itself, since it takes precedence over the unit's settings.
    """
    whole = ",".join([*_words(seen.get("no_proxy", "")), name])
    if len(whole) > LONGEST_SHOWN:
        whole = f"(what it says now),{name}"
    place = seen.get("proxy_file", "")
    restart = f"systemctl daemon-reload; systemctl restart {unit}"
    if place.startswith(OWN_FILES):
        return f"moor apply proxy, which starts {unit} with {place} as it is now"
    if place.endswith(".json"):
        return f'in {place}, below "proxies", write "no-proxy": "{whole}"; then: {restart}'
    if place:
        return f"in {place} write NO_PROXY={whole}, for each that is there; then: {restart}"
    drop_in = f"/etc/systemd/system/{unit}.service.d/no-proxy.conf"
    return f'write {drop_in}: [Service], and below it Environment="NO_PROXY={whole}"; then: {restart}'


def judge_proxy(output: str, name: str, port: int, unit: str) -> str:
    """Return what is wrong with the proxy settings that a fragment printed, with the remedy; empty if nothing is."""
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
    """Parse lines of ``key=value``; if a key occurs twice, the first one counts."""
    found: dict[str, str] = {}
    for line in answer.splitlines():
        key, equals, value = line.partition("=")
        if equals and key.isidentifier():
            found.setdefault(key, value.strip())
    return found
