"""Scripts that really pull an image of a mirrored registry by each runtime, and leave no image behind."""

from __future__ import annotations

from shlex import quote

from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest, RegistryEndpoint
from moor.tasks.diagnosis.evidence.pull_script import PULL_S, pull_script

PULLED = "moor: pulled"
UNTRIED = "moor: untried "  # a proof that should be there, and why it is not
NONE = "moor: none"  # a runtime that takes nothing from mirrors of this registry

# ctr of containerd 1.4 reads no configuration of the CRI's, so that only crictl can prove what pods pull.
OLD_CONTAINERD = f"""\
case $(containerd --version 2>/dev/null) in *' 1.4.'* | *' v1.4.'*)
  command -v crictl >/dev/null 2>&1 || {{ echo '{UNTRIED}containerd 1.4 can be asked by crictl alone'; exit 0; }} ;;
esac
"""

# A store of its own, so that everything comes over the network; vfs works on every file system.
PODMAN = """\
command -v podman >/dev/null 2>&1 || {{ echo '{untried}podman is not there'; exit 0; }}
w=$(mktemp -d /var/tmp/moor.verify.XXXXXX) || exit 1
moor_end() {{ podman $o rmi -a -f >/dev/null 2>&1; rm -rf "$w"; }}
o="--root $w/store --runroot $w/run --storage-driver vfs"
trap moor_end EXIT; trap 'exit 1' HUP INT PIPE TERM
if timeout {limit} podman $o pull -q {image} >"$w/said" 2>&1; then echo '{pulled}'; else tail -n 3 "$w/said"; fi"""

# An engine with containerd's store reads hosts.toml; another one knows mirrors of Docker Hub alone.
DOCKER = """\
command -v docker >/dev/null 2>&1 || {{ echo '{untried}Docker is not there'; exit 0; }}
d=$(timeout 20 docker info --format '{{{{.DriverStatus}}}} {{{{.RegistryConfig.Mirrors}}}}' 2>/dev/null)
case $d in
*io.containerd.snapshotter*) ;;
*{front}*) [ -n {front} ] || {{ echo '{none}'; exit 0; }} ;;
*) echo {unused}; exit 0 ;;
esac
had=$(docker image inspect --format x {image} 2>/dev/null)
if f=$(timeout {limit} docker pull -q {image} 2>&1); then echo '{pulled}'; else printf '%s\\n' "$f" | tail -n 3; fi
[ -n "$had" ] || docker rmi {image} >/dev/null 2>&1
:"""


def node_script(name: str, image: str, own: str) -> str:
    """Return sh that pulls an image by a node's runtime.

    Args:
        own: ``k3s``, ``rke2`` or ``crio``; empty for the system's containerd
    """
    request = ProbeRequest(RegistryEndpoint(name, ""), image, pull=True, own=own, anonymous=True)
    return (OLD_CONTAINERD if not own else "") + pull_script(request)


def podman_script(name: str, image: str) -> str:
    """Return sh that pulls an image by podman."""
    return PODMAN.format(image=quote(f"{name}/{image}"), limit=PULL_S, pulled=PULLED, untried=UNTRIED)


def docker_script(name: str, image: str, front: str) -> str:
    """Return sh that pulls an image by Docker, where that takes it from a mirror; else it prints ``NONE``.

    Args:
        front: the address of the front of the cache; empty where there is none
    """
    return DOCKER.format(
        image=quote(f"{name}/{image}"),
        front=quote(front),
        none=NONE,
        unused=quote(f"the running dockerd does not have {front} among its mirrors"),
        limit=PULL_S,
        pulled=PULLED,
        untried=UNTRIED,
    )
