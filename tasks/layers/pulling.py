"""A real pull on a node, as its containerd is configured; what it brings is removed again."""

from __future__ import annotations

import base64
from shlex import quote

from moor.resources.base import literal
from tasks.layers.door import Asked

PULL_S = 90
NAMESPACE = "moor-verify"  # of containerd: what is pulled there is nobody else's, and goes again
SOCKET = "/run/containerd/containerd.sock"


def pulling(asked: Asked) -> str:
    """Give sh that pulls the image by the CRI where crictl is there, else by ctr as containerd is configured."""
    if asked.login is None:
        return ":"
    user, secret = asked.login
    credentials, reference = f"{user}:{secret.reveal()}", f"{asked.door.host_port}/{asked.image}"
    if asked.own:
        socket = CRIO_SOCKET if asked.own == "crio" else OWN_SOCKET
        return OWN.format(reference=quote(reference), credentials=quote(credentials), limit=PULL_S, socket=socket)
    token = base64.b64encode(credentials.encode()).decode()
    return PULL.format(
        reference=quote(reference),
        host=quote(asked.door.host_port),
        credentials=quote(credentials),
        directory=DIRECTORY,
        header=literal(f'Authorization = "Basic {token}"\n'),
        limit=PULL_S,
        namespace=NAMESPACE,
        socket=SOCKET,
    )


# Where containerd looks for registries, into $p: of $d, its dump, and $h. One before 1.5 names the CA itself.
DIRECTORY = """\
p=$(printf '%s\\n' "$d" | sed -n "s/^ *config_path = [\\"']\\(..*\\)[\\"'] *$/\\1/p" | head -n 1)
[ -n "$p" ] ||
  p=$(printf '%s\\n' "$d" | sed -n "s|^ *ca_file = [\\"']\\(/.*\\)/$h/ca.crt[\\"'] *$|\\1|p" | head -n 1)"""

CRIO_SOCKET = "/run/crio/crio.sock"
OWN_SOCKET = "/run/k3s/containerd/containerd.sock"  # of k3s and RKE2 alike
OWN = """\
r={reference}
CRICTL_CREDS={credentials}; export CRICTL_CREDS
PATH=$PATH:/usr/local/bin:/var/lib/rancher/rke2/bin
if command -v k3s >/dev/null 2>&1; then set -- k3s crictl; else set -- crictl; fi
timeout {limit} "$@" --runtime-endpoint unix://{socket} --image-endpoint unix://{socket} pull "$r" 2>&1 &&
  echo 'moor: pulled'
:"""
# The login is never an argument of a program: crictl reads its environment, ctr a private copy of the registry's
# hosts.toml, in which the login stands as a header: the host's, and the server's, who is all that 1.4 asks.
PULL = """\
r={reference} h={host}
if command -v crictl >/dev/null 2>&1; then
  CRICTL_CREDS={credentials}; export CRICTL_CREDS
  timeout {limit} crictl --runtime-endpoint unix://{socket} --image-endpoint unix://{socket} pull "$r" 2>&1 &&
    echo 'moor: pulled'
  exit 0
fi
d=$(containerd config dump 2>/dev/null)
{directory}
umask 077; d=$(mktemp -d /run/moor.XXXXXX) || exit 1; trap 'rm -rf "$d"' EXIT
mkdir "$d/$h"; [ ! -d "$p/$h" ] || cp -r "$p/$h/." "$d/$h/"
t="$d/$h/hosts.toml"
[ -e "$t" ] || printf 'server = "https://%s"\\n[host."https://%s"]\\n' "$h" "$h" > "$t"
u=$(sed -n 's/^ *\\[host\\."\\(.*\\)"\\] *$/\\1/p' "$t" | head -n 1)
{{ printf '\\n[host."%s".header]\\n' "$u"; {header}; printf '[header]\\n'; {header}; }} >> "$t"
timeout {limit} ctr -n {namespace} images pull --hosts-dir "$d" "$r" 2>&1 | tail -n 3 | tr '\\r' '\\n' > "$d/said"
if ctr -n {namespace} images ls -q 2>/dev/null | grep -qxF "$r"; then echo 'moor: pulled'; else cat "$d/said"; fi
ctr -n {namespace} images rm --sync "$r" >/dev/null 2>&1
ctr namespaces rm {namespace} >/dev/null 2>&1; :"""
