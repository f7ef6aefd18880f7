"""The one script that reads a host, and its answer; nothing is changed, and no login leaves the host."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from moor.tasks.containerd.loaded_config import LIST_FILES
from moor.tasks.proxies.running import READ_ENVIRONMENT
from moor.tasks.survey.outside import READ_OUTSIDE

LARGEST = 256 * 1024  # bytes of one file
MOST = 400  # files of one kind

# A login in a file of a runtime is replaced where it stands, whatever the format: TOML, YAML or JSON. A file that
# has one elsewhere, such as harbor.yml, gives only the lines that are named.
LOGIN = r"auth\|username\|password\|identitytoken\|identity_token\|[Aa]uthorization"
HIDE = rf"""sed \
  -e 's/\(\({LOGIN}\)["'"'"']\{{0,1\}} *[:=] *\)[^{{ ,}}][^,}}]*/\1"x"/g' \
  -e 's#\(://\)[^/" ]*@#\1x@#g'"""

SCRIPT = f"""\
n=0
moor_file() {{ # FILE
  [ -f "$1" ] && [ -r "$1" ] && [ "$(wc -c < "$1")" -le {LARGEST} ] || return 0
  n=$((n + 1)); [ $n -le {MOST} ] || return 0
  echo "file=$(printf %s "$1" | base64 | tr -d '\\n') $({HIDE} "$1" | base64 | tr -d '\\n')"
}}
moor_fact() {{ [ -z "$2" ] || printf '%s=%s\\n' "$1" "$2"; }}
{LIST_FILES}
{READ_ENVIRONMENT}
moor_fact containerd "$(containerd --version 2>/dev/null)"
moor_fact config "$c"
k=$(moor_files "$c")
p=/etc/containerd/certs.d
IFS='
'
for f in $k; do
  moor_file "$f"
  [ ! -r "$f" ] || p="$p $(sed -n "s/^ *config_path *= *[\\"']\\([^\\"']*\\)[\\"'].*/\\1/p" "$f" | tr ':\\n' '  ')"
done
unset IFS
for r in k3s rke2; do
  moor_file "/etc/rancher/$r/registries.yaml"
  moor_file "/etc/rancher/$r/moor-registry-ca.crt"
  ! grep -qs '^disable-default-registry-endpoint: *true' "/etc/rancher/$r/config.yaml" \
    "/etc/rancher/$r/config.yaml.d/"*.yaml || moor_fact no_fallback "$r"
done
for d in $(echo $p /etc/docker/certs.d /etc/containers/certs.d | tr ' ' '\\n' | sort -u); do
  for f in "$d"/*/hosts.toml "$d"/*/*.crt; do moor_file "$f"; done
done
for d in $(echo $p /etc/docker/certs.d /etc/containers/certs.d | tr ' ' '\\n' | sort -u); do
  for f in "$d"/*; do
    [ -d "$f" ] || continue
    w=${{f##*/}}; w=${{w%%:*}}
    case $w in *_*_) w=${{w%%_*}} ;; _*|docker.io|quay.io|ghcr.io|gcr.io|registry.k8s.io) continue ;; esac
    echo "$w"
  done
done | sort -u | head -n 10 | while read -r w; do
  moor_fact resolves "$w $(timeout 3 getent ahosts "$w" 2>/dev/null | sed 's/ .*//' | sort -u | tr '\\n' ' ')"
done
moor_file /etc/docker/daemon.json
moor_file /etc/containers/registries.conf
for f in /etc/containers/registries.conf.d/*.conf /usr/local/share/ca-certificates/*.crt \\
  /etc/pki/ca-trust/source/anchors/* /etc/ca-certificates/trust-source/anchors/* /etc/pki/trust/anchors/* \\
  /etc/ssl/certs/moor-registry-ca*.pem /etc/hosts /etc/moor/*.env; do
  moor_file "$f"
done
for f in /opt/harbor/harbor.yml /opt/*/harbor/harbor.yml /srv/harbor/harbor.yml /usr/local/harbor/harbor.yml \\
  /root/harbor/harbor.yml; do
  [ -r "$f" ] || continue
  moor_fact harbor "$f"
  sed -n -e 's/^hostname: *\\([^ #]*\\).*/harbor_name=\\1/p' -e 's/^external_url: *\\([^ #]*\\).*/harbor_url=\\1/p' \\
    -e 's/^data_volume: *\\([^ #]*\\).*/harbor_data=\\1/p' \\
    -e '/^https:/,/^[a-z]/s/^ *port: *\\([0-9]*\\).*/harbor_port=\\1/p' "$f" | tr -d "\\"'"
  break
done
for s in kubelet k3s k3s-agent rke2-server rke2-agent crio containerd docker; do
  ! systemctl is-active --quiet "$s" 2>/dev/null || moor_fact service "$s"
done
for f in /proc/[0-9]*/comm; do read -r w < "$f" && echo "$w"; done 2>/dev/null | sort -u | while read -r w; do
  case $w in kubelet|kube-apiserver|k3s-server|k3s-agent|rke2|crio|dockerd|containerd) moor_fact process "$w" ;; esac
done
[ ! -e /etc/kubernetes/manifests/kube-apiserver.yaml ] || moor_fact process kube-apiserver
[ ! -e /var/lib/kubelet/config.yaml ] || moor_fact process kubelet
! command -v podman >/dev/null 2>&1 || moor_fact program podman
for w in $(dpkg-query -W -f '${{db:Status-Status}} ${{Package}}\\n' 'docker*' 'containerd*' 2>/dev/null |
  sed -n 's/^installed //p') $(rpm -qa --qf '%{{NAME}}\\n' 'docker*' 'containerd*' 2>/dev/null); do
  moor_fact package "$w"
done
{READ_OUTSIDE}
! nft list tables 2>/dev/null | grep -q moor || moor_fact firewall "nft list table inet moor"
moor_fact os "$(sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null | tr -d '"')"
:"""


@dataclass(frozen=True)
class HostView:
    """What one host says.

    Attributes:
        files: content by path, logins replaced
        facts: the values of each other line, by its key
    """

    name: str
    files: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def fact(self, key: str) -> str:
        """Return the first value of a key; empty if the host said none."""
        return (*self.facts.get(key, ()), "")[0]

    def has(self, key: str, *values: str) -> bool:
        """Return whether the host said one of the values of a key."""
        return not set(values).isdisjoint(self.facts.get(key, ()))

    def below(self, *directories: str) -> Iterator[tuple[str, str]]:
        """Yield path and content of the files below some directories."""
        yield from ((path, text) for path, text in self.files.items() if path.startswith(directories))


def view_of(name: str, answer: str) -> HostView:
    """Parse the answer of ``SCRIPT``; lines that nobody knows are left out."""
    files: dict[str, str] = {}
    facts: dict[str, tuple[str, ...]] = {}
    for line in answer.splitlines():
        key, equals, value = line.partition("=")
        if key == "file":
            path, _, content = value.partition(" ")
            files[_decoded(path)] = _decoded(content)
        elif equals and key.isidentifier():
            facts[key] = (*facts.get(key, ()), value.strip())
    return HostView(name, files, facts)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return ""
