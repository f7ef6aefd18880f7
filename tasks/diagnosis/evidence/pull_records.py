"""Kubelet's records of its pulls: whose login brought an image that the node has, and who may use it without another.

From Kubernetes 1.35 on (KEP 2535), a pod that may not use an image of its node has to prove its right at the registry,
even if its pull policy is IfNotPresent; with Never it is told that the image is not present.

References:
    kubernetes, pkg/kubelet/images/pullmanager
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote
from typing import Any

from moor.formats.nesting import parse_json
from moor.tasks.diagnosis.evidence.pull_script import CRIO_SOCKET, OWN_SOCKET, SOCKET

NEVER, PRELOADED, ALWAYS = "NeverVerify", "NeverVerifyPreloadedImages", "AlwaysVerify"
HOME = "/var/lib/kubelet"
# Files that may set kubelet's policy, later ones over earlier ones: of kubeadm, of OpenShift, and of k3s and RKE2.
CONFIGURATIONS = (
    f"{HOME}/config.yaml",
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/kubelet.conf.d/*.conf",
    "/var/lib/rancher/*/agent/etc/kubelet.conf.d/*.conf",
)


@dataclass(frozen=True)
class CachedImage:
    """An image that a node has, and what kubelet recorded of it.

    Attributes:
        policy: which images kubelet verifies
        here: whether the node has the image
        recorded: whether kubelet pulled an image of this ID or repository
        free: whether every pod of the node may use it
        cut: whether a pull of it began and never ended
        secrets: the pull secrets with which it was pulled, as NAMESPACE/NAME
        accounts: the ServiceAccounts with whose login it was pulled, as NAMESPACE/NAME
        others: other repositories as which kubelet pulled the same image
    """

    policy: str = PRELOADED
    here: bool = False
    recorded: bool = False
    free: bool = False
    cut: bool = False
    secrets: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def is_guarded(self) -> bool:
        """Return whether kubelet lets a pod use the image only with a login."""
        if not self.here or self.free or self.policy == NEVER:
            return False
        return self.recorded or self.cut or self.policy != PRELOADED

    @property
    def brought_by(self) -> str:
        """Return whose login brought the image, in words."""
        logins = [*(f"the pull secret {one}" for one in self.secrets)]
        logins += [f"ServiceAccount {one}" for one in self.accounts]
        if logins:
            return f"that of {' or '.join(logins)}"
        if self.cut:
            return "none is known, since its pull was cut off"
        if self.others:
            return f"none for this name, since kubelet pulled the same image as {', '.join(self.others)}"
        if self.recorded:
            return "none is recorded"
        return f"none, since it was put there without kubelet, whose policy is {self.policy}"


@dataclass
class _Read:
    """An image while its lines are read."""

    lines: dict[str, str] = field(default_factory=dict)
    records: list[Any] = field(default_factory=list)


def pull_records_fragment(references: Sequence[str], own: str) -> str:
    """Return sh that prints kubelet's policy and its records of images; nothing where kubelet keeps no records.

    Hashes of logins stay on the node.

    Args:
        references: whole names of images
        own: as in ``ProbeRequest``
    """
    socket = CRIO_SOCKET if own == "crio" else OWN_SOCKET if own else SOCKET
    return f"""\
k={HOME}/image_manager
[ -d "$k/pulled" ] || exit 0
PATH=$PATH:/usr/local/bin:/var/lib/rancher/rke2/bin
echo "policy=$(cat {" ".join(CONFIGURATIONS)} 2>/dev/null |
  sed -n "s/^imagePullCredentialsVerificationPolicy: *[\\"']\\{{0,1\\}}\\([A-Za-z]*\\).*/\\1/p" | tail -n 1)"
c='ctr -a {socket}' x='crictl --image-endpoint unix://{socket}'
! command -v k3s >/dev/null 2>&1 || {{ c="k3s $c" x="k3s $x"; }}
moor_file() {{ printf 'sha256-%s' "$(printf %s "$1" | sha256sum | cut -d' ' -f1)"; }}
for r in {" ".join(map(quote, references))}; do
  a=${{r%@*}}; case ${{a##*/}} in *:*) a=${{a%:*}} ;; esac
  echo "image=$r"
  i=$($x images --no-trunc -q "$r" 2>/dev/null | head -n 1)
  n=$i; [ -n "$n" ] || n=$($c -n k8s.io images ls -q "name==$r" 2>/dev/null)
  echo "here=$n"
  [ ! -e "$k/pulling/$(moor_file "$r")" ] || echo "cut=yes"
  for f in "$k/pulled"/sha256-*; do
    case $f in *.tmp) continue ;; esac
    if [ -n "$i" ]; then [ "${{f##*/}}" = "$(moor_file "$i")" ] || continue
    else grep -qF -e "\\"$a\\":" "$f" 2>/dev/null || continue; fi
    echo "record=$(tr -d '\\n' < "$f" | sed 's/"credentialHash" *: *"[^"]*" *,\\{{0,1\\}}//g; s/, *}}/}}/g')"
  done
done"""


def parse_pull_records(answer: str) -> dict[str, CachedImage]:
    """Return the images of an answer by their whole names; empty where kubelet keeps no records."""
    policy, found = PRELOADED, dict[str, _Read]()
    current = _Read()
    for line in answer.splitlines():
        key, _, value = line.partition("=")
        if key == "policy":
            policy = value or PRELOADED
        elif key == "image":
            current = found.setdefault(value, _Read())
        elif key == "record":
            current.records.extend(_document(value))
        else:
            current.lines[key] = value
    return {name: _cached(name, read, policy) for name, read in found.items()}


def _document(text: str) -> Iterator[Any]:
    try:
        document = parse_json(text)
    except ValueError:
        return
    if isinstance(document, dict):
        yield document


def _cached(reference: str, read: _Read, policy: str) -> CachedImage:
    repository = _repository(reference)
    mappings = [mapping for one in read.records if isinstance(mapping := one.get("credentialMapping") or {}, dict)]
    own = [entry for mapping in mappings if isinstance(entry := mapping.get(repository), dict)]
    others = sorted({str(name) for mapping in mappings for name in mapping if name != repository} if not own else set())
    return CachedImage(
        policy,
        here=bool(read.lines.get("here")),
        recorded=bool(read.records),
        free=any(entry.get("nodePodsAccessible") is True for entry in own),
        cut="cut" in read.lines,
        secrets=_names(own, "kubernetesSecrets"),
        accounts=_names(own, "kubernetesServiceAccounts"),
        others=tuple(others),
    )


def _repository(reference: str) -> str:
    named = reference.partition("@")[0]
    head, colon, tag = named.rpartition(":")
    return head if colon and "/" not in tag else named


def _names(entries: Sequence[Mapping[str, Any]], key: str) -> tuple[str, ...]:
    lists = [found for entry in entries if isinstance(found := entry.get(key), list)]
    listed = [one for found in lists for one in found if isinstance(one, dict)]
    return tuple(sorted({f"{one.get('namespace', '')}/{one.get('name', '')}" for one in listed}))


def cached_fields(pod: Mapping[str, str], records: Mapping[str, CachedImage], host_port: str) -> dict[str, str]:
    """Return what the evidence about a pod gains from the records of its node."""
    cached = records.get(f"{host_port}/{pod.get('image', '')}")
    if cached is None or not cached.is_guarded or pod.get("policy") == "Always":
        return {"cached": "no"}
    return {"cached": "yes", "brought": cached.brought_by, "own": "yes"}
