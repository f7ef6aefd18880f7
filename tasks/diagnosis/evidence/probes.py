"""The probes of a node, all of which run in one script and change nothing.

Each fragment prints lines of ``key=value``; it runs in dash, bash and busybox, and also on a bare host.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from shlex import quote

from moor.connections.apis.harbor import MANIFESTS
from moor.resources.base import Probed, State
from moor.resources.service import STARTED_CS
from moor.tasks.containerd.hosts_toml import READ_HOSTS_TOML, read_generated_hosts_toml
from moor.tasks.containerd.loaded_config import read_loaded_config
from moor.tasks.diagnosis.evidence.distributions import DISTRIBUTION_FRAGMENT
from moor.tasks.diagnosis.evidence.mtu import mtu_fragment
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest, RegistryEndpoint
from moor.tasks.diagnosis.evidence.pull_script import DIRECTORY, pull_script
from moor.tasks.names.dns_query import DNS_SAYS
from moor.tasks.podman.registries_conf import READ_REGISTRIES
from moor.tasks.proxies.running import read_containerd_proxy
from moor.tasks.trust import ANCHOR_NAME, STORES

# A symbolic link does not count: on Debian one is where Flatcar has the anchor itself.
ANCHORS = [quote(f"{store.anchors}/{ANCHOR_NAME}{store.suffix}") for store in STORES]
CONNECT_S = 6
RESOLVE_S = 4


@dataclass(frozen=True)
class Probe(Probed):
    """A fragment whose output is kept as it is."""

    name: str
    fragment: str = field(repr=False)  # it may hold a login

    @property
    def id(self) -> str:
        return f"probe:{self.name}"

    def desired(self, actual: State | None) -> State | None:
        return actual

    def probe(self) -> str:
        return self.fragment

    def actual(self, output: str) -> State:
        return {"answer": output}


def probes(request: ProbeRequest) -> Sequence[Probe]:
    """Return the probes of one node."""
    found = [
        Probe("clock", f"echo before={int(time.time())}; echo there=$(date -u +%s)"),
        Probe("name", _name(request.endpoint)),
        Probe("wire", _wire(request.endpoint)),
        Probe("mtu", mtu_fragment(request.endpoint.addresses)),
        Probe("registry", _registry(request)),
        Probe("containerd", _of_own(request.own, request.endpoint) if request.own else _containerd(request.endpoint)),
        Probe("proxy", read_containerd_proxy(request.unit, request.own)),
    ]
    return [*found, Probe("pull", pull_script(request))] if request.pull else found


def registry_probe(request: ProbeRequest, name: str) -> Probe:
    """Return the probe of the registry for a further image."""
    return Probe(name, _registry(request))


def _name(endpoint: RegistryEndpoint) -> str:
    """Return the fragment that resolves the name, by the resolver and then by each of hosts file and DNS."""
    return f"""\
n={quote(endpoint.name)}
echo "found=$(timeout {RESOLVE_S} getent ahosts "$n" 2>/dev/null | cut -d' ' -f1 | sort -u | tr '\\n' ' ')"
{DNS_SAYS}
echo "dns=$(moor_dns "$n")"
printf files=
[ ! -r /etc/hosts ] || while read -r a words || [ -n "$a" ]; do
  case $a in '#'*) continue ;; esac
  for w in ${{words%%#*}}; do [ "$w" != "$n" ] || printf '%s ' "$a"; done
done < /etc/hosts
echo
echo "nsswitch=$(sed -n 's/#.*//; s/^hosts: *//p' /etc/nsswitch.conf 2>/dev/null | head -n 1)"
{_rewriting()}"""


def _rewriting() -> str:
    """Return the fragment that prints the file by which cloud-init rewrites /etc/hosts without the name, if any.

    References:
        cloud-init, Update Etc Hosts; files that are read later override earlier ones
    """
    return """\
c=
for f in /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d/*.cfg /var/lib/cloud/instance/user-data.txt; do
  [ -r "$f" ] || continue
  case $(sed -n "s/^ *manage_etc_hosts *: *[\\"']\\{0,1\\}\\([A-Za-z]*\\).*/\\1/p" "$f" | tail -n 1) in
    '') ;; [Tt]rue|template) c=$f ;; *) c= ;;
  esac
done
for f in /etc/cloud/templates/hosts.*.tmpl; do
  ! sed 's/#.*//' "$f" 2>/dev/null | tr -s '[:space:]' '\\n' | grep -qxF -e "$n" || c=
done
[ ! -e /etc/cloud/cloud-init.disabled ] || c=
echo "rewritten=$c\""""


def _wire(endpoint: RegistryEndpoint) -> str:
    """Return the fragment that connects and prints the served certificates, even if the node does not trust them."""
    name, place = quote(endpoint.name), quote(f"{endpoint.name}:{endpoint.port}")
    anchors = " ".join(ANCHORS)
    return f"""\
command -v openssl >/dev/null 2>&1 || echo openssl=missing
a=$(timeout {RESOLVE_S} getent ahosts {name} 2>/dev/null | head -n 1 | cut -d' ' -f1)
echo "address=$a"
[ -z "$a" ] || echo "way=$(ip route get "$a" 2>&1 | head -n 1)"
for f in {anchors}; do [ ! -f "$f" ] || [ -L "$f" ] || echo "anchor=$f"; done
echo began=$(date +%s)
timeout {CONNECT_S} openssl s_client -connect {place} -servername {name} -verify_hostname {name} -showcerts 2>&1
echo; echo ended=$(date +%s)"""


def _registry(request: ProbeRequest) -> str:
    """Return the fragment that asks /v2/, then for a token without and with a scope, then for the manifest.

    Only without a scope does Harbor refuse a wrong password; with one it answers 200 and a token without rights. Of the
    token only the claims leave the node, with which nobody can log in. Other registries than Harbor may want no token:
    they are asked with the login itself (RFC 7617), or without one.
    """
    endpoint = request.endpoint
    basic = ""
    if request.login:
        user, secret = request.login
        basic = f"Authorization: Basic {base64.b64encode(f'{user}:{secret.reveal()}'.encode()).decode()}"
    return f"""\
h={quote(endpoint.host_port)} p={quote(f"{endpoint.name}:{endpoint.port}")}
r={quote(request.repository)} t={quote(request.tag)}
b={quote(basic)} anonymous={"yes" if request.anonymous else ""}
ask() {{ # METHOD CONNECT HOST PATH HEADER
  {{ printf '%s %s HTTP/1.1\\r\\nHost: %s\\r\\nAccept: %s\\r\\n' "$1" "$4" "$3" {quote(f"{MANIFESTS}, */*")}
    [ -z "$5" ] || printf '%s\\r\\n' "$5"
    printf 'Connection: close\\r\\n\\r\\n'; }} |
    timeout {CONNECT_S} openssl s_client -quiet -connect "$2" -servername "${{3%%:*}}" \\
      -verify_hostname "${{3%%:*}}" -verify_return_error 2>/dev/null | tr -d '\\r'
}}
status() {{ printf '%s\\n' "$1" | sed -n '1s/^HTTP[^ ]* \\([0-9]*\\).*/\\1/p'; }}
said() {{ printf '%s\\n' "$1" | sed -n "/^$/q; s/^$2: *//Ip" | head -n 1; }}
manifest() {{ # HEADER
  a=$(ask HEAD "$p" "$h" "/v2/$r/manifests/$t" "$1"); echo "manifest=$(status "$a")"
  echo "digest=$(printf '%s\\n' "$a" | sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: *//p' | head -n 1)"
  case $(status "$a") in 200|404) exit 0 ;; esac
  a=$(ask GET "$p" "$h" "/v2/$r/manifests/$t" "$1")
  m=$(printf '%s\\n' "$a" | tr -d '\\n' | sed -n 's/.*"message" *: *"\\(.*\\)".*/\\1/p')
  echo "manifest_said=$(printf %s "$m" | cut -c1-300)"
  exit 0
}}
a=$(ask GET "$p" "$h" /v2/ '')
echo "v2=$(status "$a")"
echo "v2_type=$(said "$a" Content-Type)"; echo "v2_location=$(said "$a" Location)"
c=$(printf '%s\\n' "$a" | sed -n '/^$/q; s/^[Ww][Ww][Ww]-[Aa]uthenticate: *//p' | head -n 1); echo "challenge=$c"
case $(status "$a"):$c in
  200:*|401:[Bb][Aa][Ss][Ii][Cc]*)
    [ -n "$b$anonymous" ] || exit 0
    [ -z "$b" ] || {{ a=$(ask GET "$p" "$h" /v2/ "$b"); echo "login=$(status "$a")"; }}
    case $b:$(status "$a") in ?*:401|?*:403) exit 0 ;; esac
    [ -n "$r" ] || exit 0
    manifest "$b" ;;
esac
realm=$(printf '%s\\n' "$c" | sed -n 's/.*realm="\\([^"]*\\)".*/\\1/p')
service=$(printf '%s\\n' "$c" | sed -n 's/.*service="\\([^"]*\\)".*/\\1/p' |
  sed 's/%/%25/g; s/ /%20/g; s/&/%26/g; s/+/%2B/g')
case $realm in https://*) ;; *) exit 0 ;; esac
rest=${{realm#https://}}; rh=${{rest%%/*}}; path=/${{rest#*/}}
case $rh in *:*) rp=$rh ;; *) rp=$rh:443 ;; esac
echo "realm_found=$(timeout {RESOLVE_S} getent ahosts "${{rh%%:*}}" 2>/dev/null | head -n 1 | cut -d' ' -f1)"
[ -n "$b$anonymous" ] || exit 0
case $path in *\\?*) q='&' ;; *) q='?' ;; esac
[ -z "$b" ] || {{ a=$(ask GET "$rp" "$rh" "$path${{q}}service=$service" "$b"); echo "login=$(status "$a")"; }}
[ -n "$r" ] || exit 0
a=$(ask GET "$rp" "$rh" "$path${{q}}service=$service&scope=repository:$r:pull" "$b"); echo "scoped=$(status "$a")"
k=$(printf '%s\\n' "$a" | tr -d '\\n' | sed -n 's/.*"token" *: *"\\([^"]*\\)".*/\\1/p')
[ -n "$k" ] || k=$(printf '%s\\n' "$a" | tr -d '\\n' | sed -n 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/p')
[ -n "$k" ] || exit 0
case $k in *.*.*) echo "token=$(printf %s "$k" | cut -d. -f2)" ;; *) echo token= ;; esac
manifest "Authorization: Bearer $k\""""


def _containerd(endpoint: RegistryEndpoint) -> str:
    """Return the fragment that reads containerd's state and configuration; logins in them stay on the node."""
    anchors = " ".join(ANCHORS)
    return f"""\
h={quote(endpoint.host_port)}
echo "machine=$(uname -m)"
{DISTRIBUTION_FRAGMENT}
command -v containerd >/dev/null 2>&1 || {{ echo containerd=missing; exit 0; }}
{read_loaded_config(logins=False)}
echo "active=$(systemctl is-active containerd 2>/dev/null)"
printf '%s\\n' "$d" | sed -n "s/^ *config_path = [\\"']\\(.*\\)[\\"'] *$/config_path=\\1/p" | grep -v '=$' | head -n 1
{DIRECTORY}
printf '%s\\n' "$d" | sed -n 's/^ *disabled_plugins = /disabled=/p' | head -n 1
printf '%s\\n' "$d" | sed -n 's/^ *\\[.*registry\\.mirrors\\.\\(.*\\)\\] *$/mirror=\\1/p' | head -n 1
x=$(timeout 5 ctr plugins ls 2>/dev/null) && echo socket=answers
printf '%s\\n' "$x" | grep -E '^io[.]containerd[.](grpc[.]v1 +cri|cri[.]v1) ' | while read -r k i rest; do
  echo "plugin_$i=${{rest##* }}"; done
r=$(printf '%s\\n' "$d" | sed -n "s/^root = [\\"']\\(.*\\)[\\"'] *$/\\1/p" | head -n 1)
for o in k i; do
  df -P$o "${{r:-/var/lib/containerd}}" 2>/dev/null | tail -n 1 | {{ read -r f n u a rest; echo "free_$o=$a"; }}
done
echo "root=${{r:-/var/lib/containerd}}"
echo "elsewhere=$(for e in /etc/containerd/certs.d /etc/docker/certs.d /etc/containerd; do
  [ "$e" = "$p" ] || [ ! -e "$e/$h/hosts.toml" ] || printf '%s ' "$e/$h/hosts.toml"; done)"
for e in "$p/$h"/*; do case ${{e##*/}} in
  hosts.toml) ;; host.toml|hosts.tml|hosts.yaml|hosts.toml.*|host.yaml|hosts) echo "misnamed=$e" ;; esac; done
{READ_HOSTS_TOML}
pid=$(systemctl show -p MainPID --value containerd 2>/dev/null)
if [ -n "$pid" ] && [ "$pid" != 0 ]; then
  u=containerd; {STARTED_CS}
  echo "started=$(( started / 100 ))"
fi
for f in {anchors}; do [ ! -f "$f" ] || [ -L "$f" ] || echo "trusted=$(stat -c %Y "$f")"; done; :"""


def _of_own(own: str, endpoint: RegistryEndpoint) -> str:
    """Return the fragment that reads what k3s, RKE2 or CRI-O has configured for the registry."""
    return READ_REGISTRIES if own == "crio" else read_generated_hosts_toml(own, endpoint.host_port)
