"""Kubernetes in the lab: the stand-in that its hosts run, and what each host needs for that before it boots."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moor.errors import InputError
from moor_lab.keys import place
from moor_lab.kubernetes.certificates import make_certificates
from moor_lab.kubernetes.standin.api.access import node_token

if TYPE_CHECKING:
    from moor_lab.fleet import Host
    from moor_lab.lab import Lab

PROGRAM = Path(__file__).parent / "standin"
INSTALLED = Path("opt/moor-lab")
PORT = 6443
ADMIN = "moor-lab-admin"
ADMINS = "system:masters"
TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}

CONTROL_PLANE_UNIT = """\
[Unit]
Description=Kubernetes' stand-in of moor's lab (API server and controllers)
After=network.target

[Service]
Environment=PYTHONPATH=/opt/moor-lab
ExecStart=/usr/bin/python3 -m standin.server /opt/moor-lab/kubernetes /var/lib/moor-lab-kubernetes
StateDirectory=moor-lab-kubernetes
StateDirectoryMode=0700
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""

# a container's first process ignores SIGTERM, and a host that shuts down would wait 90 s for it: pods end while
# containerd still runs; restarts of the agent or of containerd leave them alone
PODS_UNIT = """\
[Unit]
Description=End of the pods of moor's lab when the host shuts down
After=containerd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c 'for id in $$(ctr -n k8s.io tasks ls -q); do ctr -n k8s.io tasks kill -s SIGKILL $$id; done'

[Install]
WantedBy=multi-user.target
"""

# KillMode=process: the agent's containers belong to containerd, but a program that it just runs should end by itself
AGENT_UNIT = """\
[Unit]
Description=Kubernetes' stand-in of moor's lab (node agent)
After=network.target containerd.service moor-lab-pods.service

[Service]
Environment=PYTHONPATH=/opt/moor-lab
ExecStart=/usr/bin/python3 -m standin.agent /opt/moor-lab/kubelet /var/lib/moor-lab-kubelet
StateDirectory=moor-lab-kubelet
StateDirectoryMode=0700
KillMode=process
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Access:
    """How to reach the lab's API server: its URL, its authority's certificate (PEM), and what tokens are made of."""

    server: str
    authority: str
    admin_token: str
    node_key: str

    def node_token(self, name: str) -> str:
        """Return the token of a node."""
        return node_token(self.node_key, name)


def seed(host: Host, upper: Path, lab: Lab) -> None:
    """Puts into a host's disk what makes it a member of the cluster; the control plane's also writes the kubeconfig.

    Args:
        upper: what lies over the host's image, before it boots.
    """
    control_plane = _control_plane(lab)
    kept = lab.directory / "kubernetes"
    access = make_access(kept, control_plane.name, str(control_plane.address))
    _copy_program(upper / INSTALLED)
    _seed_agent(host, upper, access)
    if host.name == control_plane.name:
        _seed_control_plane(upper, kept)
        write_kubeconfig(lab.directory / "kubeconfig", access, lab.fleet.name)


def admit(lab: Lab) -> None:
    """Tells the running API server of nodes that joined since its boot; as a real one, it reads tokens at start."""
    tokens = (lab.directory / "kubernetes/tokens.csv").read_text()
    target = f"/{INSTALLED}/kubernetes/tokens.csv"
    script = f"umask 077; cat >{target}.new; mv {target}.new {target}; systemctl restart moor-lab-kubernetes"
    lab.exec(_control_plane(lab).name, ["sh", "-c", script], stdin=tokens)


def _control_plane(lab: Lab) -> Host:
    """Return the fleet's control plane. Raises InputError: it has none."""
    found = [host for host in lab.fleet.hosts.values() if host.role == "control-plane"]
    if not found:
        raise InputError("lab: a fleet with Kubernetes nodes needs one host of role control-plane")
    return found[0]


def make_access(kept: Path, name: str, address: str) -> Access:
    """Tokens and certificates of the API server at ``address``, made once and kept in ``kept`` (0700)."""
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (kept / "tls.key").exists():
        made = make_certificates([name, "kubernetes", "localhost"], [address, "127.0.0.1"])
        place(kept / "ca.crt", made.authority)
        place(kept / "tls.crt", made.certificate)
        place(kept / "tls.key", made.key, 0o600)
    admin, key = (_secret(kept / file) for file in ("admin.token", "node.key"))
    place(kept / "tokens.csv", f'{admin},{ADMIN},{ADMIN},"{ADMINS}"\n', 0o600)
    return Access(f"https://{address}:{PORT}", (kept / "ca.crt").read_text(), admin, key)


def _secret(path: Path) -> str:
    """Return a random word, made once."""
    if not path.exists():
        place(path, f"{secrets.token_urlsafe(32)}\n", 0o600)
    return path.read_text().strip()


def write_kubeconfig(path: Path, access: Access, cluster: str) -> None:
    """An admin's kubeconfig (0600); JSON, which is YAML, too."""
    entry = f"moor-{cluster}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": entry,
                "cluster": {"server": access.server, "certificate-authority-data": _base64(access.authority)},
            }
        ],
        "users": [{"name": ADMIN, "user": {"token": access.admin_token}}],
        "contexts": [{"name": entry, "context": {"cluster": entry, "user": ADMIN}}],
        "current-context": entry,
    }
    place(path, json.dumps(document, indent=2) + "\n", 0o600)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _copy_program(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o755)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROGRAM, target / "standin", ignore=ignored, dirs_exist_ok=True)


def _seed_agent(host: Host, upper: Path, access: Access) -> None:
    leads = host.role == "control-plane"
    config = {
        "server": access.server,
        "token": access.node_token(host.name),
        "node": host.name,
        "address": str(host.address),
        "labels": {TAINT["key"]: ""} if leads else {},
        "taints": [TAINT] if leads else [],
    }
    directory = upper / INSTALLED / "kubelet"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    place(directory / "config.json", json.dumps(config, indent=2) + "\n", 0o600)
    place(directory / "ca.crt", access.authority)
    _enable(upper, "moor-lab-pods.service", PODS_UNIT)
    _enable(upper, "moor-lab-kubelet.service", AGENT_UNIT)


def _seed_control_plane(upper: Path, kept: Path) -> None:
    directory = upper / INSTALLED / "kubernetes"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("node.key", "tls.crt", "tls.key", "tokens.csv"):
        place(directory / name, (kept / name).read_text(), 0o600)
    _enable(upper, "moor-lab-kubernetes.service", CONTROL_PLANE_UNIT)


def _enable(upper: Path, name: str, unit: str) -> None:
    """Installs a unit, enabled."""
    units = upper / "etc/systemd/system"
    place(units / name, unit)
    wanted = units / "multi-user.target.wants" / name
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted.unlink(missing_ok=True)
    wanted.symlink_to(f"/etc/systemd/system/{name}")
