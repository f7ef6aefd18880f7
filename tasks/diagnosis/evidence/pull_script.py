"""The script of a real pull on a node by its own runtime; it leaves no image behind.

A node that already has the image pulls no layer of it, so the script also fetches the beginning of the largest layer
from the registry. ctr before 1.7 fetches an object like a manifest and refuses large ones (containerd,
remotes/docker/resolver.go, MaxManifestSize), so there it fetches the largest layer that ctr accepts.
"""

from __future__ import annotations

import base64
from shlex import quote

from moor.connections.apis.harbor import MANIFESTS
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest
from moor.tasks.diagnosis.evidence.registry_fetch import FETCH

PULL_S = 90
CONNECT_S = 10
FETCH_BYTES = 1024 * 1024  # of the largest layer; the whole of a smaller one
OBJECT_BYTES = 4 * 1048 * 1048  # the largest blob that ctr fetches where it knows no fetch-blob
NAMESPACE = "moor-verify"  # of containerd, then the shell's number; what is in it is one pull's and is removed again
SOCKET = "/run/containerd/containerd.sock"
CRIO_SOCKET = "/run/crio/crio.sock"
OWN_SOCKET = "/run/k3s/containerd/containerd.sock"  # of k3s and RKE2 alike


def _image_to_pull(request: ProbeRequest) -> str:
    """Return the image by its digest where that is known.

    A pull by tag would give the tag's name on the node to an image that kubelet has not pulled, whose use kubelet (from
    Kubernetes 1.35 on) then allows to pods without a pull secret.
    """
    return f"{request.repository}@{request.digest}" if request.digest else request.image


def pull_script(request: ProbeRequest) -> str:
    """Return sh that pulls the image by crictl if the node has it, else by ctr, and fetches part of a layer.

    It prints ``moor: pulled`` after a successful pull, then ``moor: arrived BYTES of SIZE from DIGEST`` if a layer
    could be fetched. The login is never an argument of a program.
    """
    if request.login is None and not request.anonymous:
        return ":"
    credentials = f"{request.login[0]}:{request.login[1].reveal()}" if request.login else ""
    token = base64.b64encode(credentials.encode()).decode()
    said = {
        "reference": quote(f"{request.endpoint.host_port}/{_image_to_pull(request)}"),
        "host": quote(request.endpoint.host_port),
        "credentials": quote(credentials),
        "basic": quote(f"Basic {token}" if token else ""),
        "accept": f"{MANIFESTS}, */*",
        "limit": PULL_S,
        "connect": CONNECT_S,
        "bytes": FETCH_BYTES,
        "last": FETCH_BYTES - 1,
        "most": FETCH_BYTES + 64 * 1024,  # with the headers
        "object": OBJECT_BYTES,
        "namespace": NAMESPACE,
        "directory": DIRECTORY,
        "socket": CRIO_SOCKET if request.own == "crio" else OWN_SOCKET if request.own else SOCKET,
        "own": request.own,
    }
    runtime = (CRIO,) if request.own == "crio" else (OWN if request.own else PLAIN, CONTAINERD)
    parts = [BEGIN, FETCH, *runtime, LARGEST, PROVE]
    return "\n".join([part.format(**said) for part in parts])


# Sets $p to containerd's directory of registries, from $d, its config dump, and $h. Before 1.5 it names the CA itself.
DIRECTORY = """\
p=$(printf '%s\\n' "$d" | sed -n "s/^ *config_path = [\\"']\\(..*\\)[\\"'] *$/\\1/p" | head -n 1)
[ -n "$p" ] ||
  p=$(printf '%s\\n' "$d" | sed -n "s|^ *ca_file = [\\"']\\(/.*\\)/$h/ca.crt[\\"'] *$|\\1|p" | head -n 1)"""

# A verify may be interrupted: the shell removes what it pulled however it ends, and after a kill or a crash of the node
# the next verify does. What there is to remove is kept on disk: the reference, then every image name that the node had
# before. Where a container has the image by then, that stays for a later verify. The login is in memory alone.
BEGIN = """\
r={reference} h={host}
PATH=$PATH:/usr/local/bin:/var/lib/rancher/rke2/bin
kept=/var/lib/moor/verify
moor_names() {{ :; }}
moor_remove() {{ :; }}
moor_end() {{ # RECORD, which is called as the shell that made it
  [ -e "$1" ] || return 0
  q={namespace}-${{1##*/}}
  o=$(head -n 1 "$1"); sed 1d "$1" > "$w/before"
  ! moor_remove "$o" || rm -f "$1"
}}
moor_begin() {{
  for f in "$kept"/*; do
    [ ! -f "$f" ] || kill -0 "${{f##*/}}" 2>/dev/null || moor_end "$f"
  done
  mkdir -p "$kept" && {{ printf '%s\\n' "$r"; moor_names; }} > "$w/left" && cp "$w/left" "$kept/.$$" &&
    mv "$kept/.$$" "$kept/$$" || exit 1
}}
moor_base() {{ n=${{1%@*}}; case ${{n##*/}} in *:*) n=${{n%:*}} ;; esac; echo "$n"; }}
umask 077; w=/run/moor.verify.$$
for f in /run/moor.verify.*; do [ ! -d "$f" ] || kill -0 "${{f##*.}}" 2>/dev/null || rm -rf "$f"; done
rm -rf "$w"; mkdir "$w" || exit 1
trap 'moor_end "$kept/$$"; rm -rf "$w"' EXIT; trap 'exit 1' HUP INT PIPE TERM
a=$(moor_base "$r") b={basic}"""

PLAIN = """\
c='ctr -a {socket}' x=crictl
d=$(cd / && containerd config dump 2>/dev/null)
{directory}
ca="$p/$h/ca.crt\""""

OWN = """\
c='ctr -a {socket}' x=crictl
! command -v k3s >/dev/null 2>&1 || {{ c="k3s $c" x='k3s crictl'; }}
p=/var/lib/rancher/{own}/agent/etc/containerd/certs.d ca=/etc/rancher/{own}/moor-registry-ca.crt"""

# The login is a header in a private copy of the registry's hosts.toml: for the host, and for the server, which is all
# that containerd 1.4 asks. The CRI gives an image three names: the reference, the reference with the digest, and the
# ID. A name that this pull made is removed, unless a container uses the image, or the image has got another name
# meanwhile: then kubelet has pulled it too, and may be about to use it.
CONTAINERD = """\
mkdir "$w/$h"; [ ! -d "$p/$h" ] || cp -r "$p/$h/." "$w/$h/"
t="$w/$h/hosts.toml"
[ -e "$t" ] || {{
  printf 'server = "https://%s"\\n' "$h"; [ ! -e "$ca" ] || printf 'ca = "%s"\\n' "$ca"
  printf '[host."https://%s"]\\n' "$h"; [ ! -e "$ca" ] || printf 'ca = "%s"\\n' "$ca"; }} > "$t"
u=$(sed -n 's/^ *\\[host\\."\\(.*\\)"\\] *$/\\1/p' "$t" | head -n 1)
auth=$(moor_authorization)
moor_header() {{ [ -z "$auth" ] || printf '[%s]\\nAuthorization = "%s"\\n' "$1" "$auth"; }}
{{ echo; moor_header "host.\\"$u\\".header"; moor_header header; }} >> "$t"
moor_images() {{ $c -n k8s.io images ls 2>/dev/null | sed 1d | while read -r n k g rest; do echo "$g $n"; done; }}
moor_names() {{ moor_images | sed 's/^[^ ]* //'; }}
moor_remove() {{
  moor_images > "$w/after"
  g=$(while read -r g n; do [ "$n" != "$1" ] || echo "$g"; done < "$w/after")
  [ -n "$g" ] || return 0
  sed -n "s/^$g //p" "$w/after" > "$w/names"
  ! $c -n k8s.io containers ls 2>/dev/null | while read -r i n rest; do echo "$n"; done |
    grep -qxF -f "$w/names" || return 1
  k=$(moor_base "$1")
  while read -r n; do
    grep -qxF -e "$n" "$w/before" || case $n in "$1"|"$k"@*|sha256:*) ;; *) return 0 ;; esac
  done < "$w/names"
  while read -r n; do
    grep -qxF -e "$n" "$w/before" || $c -n k8s.io images rm --sync "$n" >/dev/null 2>&1
  done < "$w/names"
}}
largest={object} # bytes; empty where no size is too large
! $c content --help 2>/dev/null | grep -q '^ *fetch-blob ' || largest=
moor_fetch() {{ # REFERENCE manifests|blobs
  if [ "$2" = blobs ] && [ -z "$largest" ]; then set -- fetch-blob "$r" "${{1##*@}}"; else set -- fetch-object "$1"; fi
  timeout {limit} $c content "$1" --hosts-dir "$w" "$2" ${{3:+"$3"}} 2>"$w/fetched"
}}
if command -v "${{x%% *}}" >/dev/null 2>&1; then
  CRICTL_CREDS={credentials}; export CRICTL_CREDS
  moor_begin
  if timeout {limit} $x --runtime-endpoint unix://{socket} --image-endpoint unix://{socket} pull "$r" 2>&1
  then pulled=yes; else pulled=; fi
else
  moor_remove() {{
    $c -n "$q" images rm --sync $($c -n "$q" images ls -q); $c namespaces rm "$q"; :
  }} >/dev/null 2>&1
  moor_begin
  q={namespace}-$$
  timeout {limit} $c -n "$q" images pull --hosts-dir "$w" "$r" 2>&1 | tail -n 3 | tr '\\r' '\\n' > "$w/said"
  pulled=yes; $c -n "$q" images ls -q 2>/dev/null | grep -qxF -e "$r" || {{ pulled=; cat "$w/said"; }}
fi"""

# CRI-O has no client that fetches without its store, so openssl does, with the CA of CRI-O's directory too. crictl
# removes a name, and with the last name the image.
CRIO = """\
largest=
s='--runtime-endpoint unix://{socket} --image-endpoint unix://{socket}'
CRICTL_CREDS={credentials}; export CRICTL_CREDS
moor_names() {{
  crictl $s images -o json 2>/dev/null | tr ',[]{{}}' '\\n' | sed -n 's/^ *"\\([^"]*\\)" *$/\\1/p'
}}
moor_remove() {{
  ! grep -qxF -e "$1" "$w/before" || return 0
  i=$(crictl $s images --no-trunc -q "$1" 2>/dev/null | head -n 1)
  [ -n "$i" ] || return 0
  [ -z "$(crictl $s ps -a -q --image "$i" 2>/dev/null)" ] || return 1
  crictl $s rmi "$1" >/dev/null 2>&1
}}
moor_begin
if timeout {limit} crictl $s pull "$r" 2>&1; then pulled=yes; else pulled=; fi
ca=/etc/containers/certs.d/$h/ca.crt
auth=$(moor_authorization)
moor_fetch() {{ # REFERENCE manifests|blobs
  command -v openssl >/dev/null 2>&1 || return 127
  case $1 in *@*) v=${{1##*@}} ;; *) v=${{1##*:}} ;; esac
  moor_http "$h" "/v2/${{a#*/}}/$2/$v" "$auth" && cat "$w/body"
}}"""

# An index lists manifests, one of them for this machine. The largest entry of a manifest is normally a layer.
LARGEST = """\
moor_lines() {{ tr -d ' \\t\\r\\n' | tr '{{}}' '\\n\\n'; }}
moor_here() {{
  n=$(uname -m); case $n in x86_64) n=amd64 ;; aarch64) n=arm64 ;; armv*) n=arm ;; i686) n=386 ;; esac
  moor_lines | while read -r l; do
    case $l in
    *'"digest":"'*) g=${{l#*'"digest":"'}}; g=${{g%%'"'*}} ;;
    *'"architecture":"'"$n"'"'*) echo "$g" ;;
    esac
  done | head -n 1
}}
moor_largest() {{
  moor_lines | sed -n -e 's/.*"digest":"\\([^"]*\\)".*"size":\\([0-9]*\\).*/\\2 \\1/p' \\
    -e 's/.*"size":\\([0-9]*\\).*"digest":"\\([^"]*\\)".*/\\1 \\2/p' | sort -n |
    while read -r s g; do [ "$s" -gt "${{largest:-$s}}" ] || echo "$s $g"; done | tail -n 1
}}"""

PROVE = """\
[ -n "$pulled" ] || exit 0
echo 'moor: pulled'
m=$(moor_fetch "$r" manifests); rc=$?
[ "$rc" != 127 ] || exit 0
case $m in *'"manifests"'*) m=$(moor_fetch "$a@$(printf %s "$m" | moor_here)" manifests) ;; esac
l=$(printf %s "$m" | moor_largest)
n=0; [ -z "$l" ] || n=$(moor_fetch "$a@${{l#* }}" blobs | head -c {bytes} | wc -c)
l=${{l:-0 $r}}
echo "moor: arrived $((n)) of ${{l% *}} from ${{l#* }}"
[ "$n" -ge {bytes} ] || [ "$n" -ge "${{l%% *}}" ] || tail -n 1 "$w/fetched\""""
