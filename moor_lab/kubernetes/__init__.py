"""Kubernetes in the lab: installs the stand-in on hosts before they boot, and makes its tokens and certificates."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from moor.errors import InputError
from moor_lab.fleet import Fleet, Host
from moor_lab.hosts import Machine
from moor_lab.keys import write_file
from moor_lab.kubernetes.certificates import make_certificates
from moor_lab.kubernetes.standin.api.access import node_token

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

# A container's first process ignores SIGTERM, so a host that shuts down would wait 90 s for it. This unit kills pods
# while containerd still runs; restarts of the agent or of containerd leave them alone.
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

# KillMode=process: containers belong to containerd, and a program that the agent is running should finish.
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
    """How to reach the lab's API server.

    Attributes:
        server: its URL
        authority: the certificate of its CA (PEM)
        node_key: the key from which the tokens of nodes are derived
    """

    server: str
    authority: str
    admin_token: str
    node_key: str

    def node_token(self, name: str) -> str:
        """Return the token of a node."""
        return node_token(self.node_key, name)


def seed(host: Host, upper: Path, fleet: Fleet) -> None:
    """Write to a host's disk what makes it a member of the cluster; for the control plane, write the kubeconfig too.

    Args:
        upper: the writable layer over the host's image; the host has not booted yet
    """
    leader = control_plane_of(fleet)
    directory = fleet.directory / "kubernetes"
    access = make_access(directory, leader.name, str(leader.address))
    _copy_program(upper / INSTALLED)
    _seed_agent(host, upper, access)
    if host.name == leader.name:
        _seed_control_plane(upper, directory)
        write_kubeconfig(fleet.directory / "kubeconfig", access, fleet.name)


def reload_tokens(control_plane: Machine, fleet: Fleet) -> None:
    """Restart the API server with the tokens of nodes that joined since; like a real one, it reads them at start."""
    tokens = (fleet.directory / "kubernetes/tokens.csv").read_text()
    target = f"/{INSTALLED}/kubernetes/tokens.csv"
    script = f"umask 077; cat >{target}.new; mv {target}.new {target}; systemctl restart moor-lab-kubernetes"
    control_plane.exec(["sh", "-c", script], stdin=tokens)


def control_plane_of(fleet: Fleet) -> Host:
    """Return the host that runs the API server.

    Raises:
        InputError: the fleet has none
    """
    found = [host for host in fleet.hosts.values() if host.role == "control-plane"]
    if not found:
        raise InputError("lab: a fleet with Kubernetes nodes needs one host of role control-plane")
    return found[0]


def make_access(directory: Path, name: str, address: str) -> Access:
    """Make tokens and certificates of the API server at ``address`` in ``directory`` (0700), unless they exist."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (directory / "tls.key").exists():
        made = make_certificates([name, "kubernetes", "localhost"], [address, "127.0.0.1"])
        write_file(directory / "ca.crt", made.authority)
        write_file(directory / "tls.crt", made.certificate)
        write_file(directory / "tls.key", made.key, 0o600)
    admin, key = (_secret(directory / file) for file in ("admin.token", "node.key"))
    write_file(directory / "tokens.csv", f'{admin},{ADMIN},{ADMIN},"{ADMINS}"\n', 0o600)
    return Access(f"https://{address}:{PORT}", (directory / "ca.crt").read_text(), admin, key)


def _secret(path: Path) -> str:
    """Return the random word in a file; make it if the file does not exist."""
    if not path.exists():
        write_file(path, f"{secrets.token_urlsafe(32)}\n", 0o600)
    return path.read_text().strip()


def write_kubeconfig(path: Path, access: Access, cluster: str) -> None:
    """Write an admin's kubeconfig (0600), as JSON, which is valid YAML."""
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
    write_file(path, json.dumps(document, indent=2) + "\n", 0o600)


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
    write_file(directory / "config.json", json.dumps(config, indent=2) + "\n", 0o600)
    write_file(directory / "ca.crt", access.authority)
    _enable(upper, "moor-lab-pods.service", PODS_UNIT)
    _enable(upper, "moor-lab-kubelet.service", AGENT_UNIT)


def _seed_control_plane(upper: Path, source: Path) -> None:
    directory = upper / INSTALLED / "kubernetes"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("node.key", "tls.crt", "tls.key", "tokens.csv"):
        write_file(directory / name, (source / name).read_text(), 0o600)
    _enable(upper, "moor-lab-kubernetes.service", CONTROL_PLANE_UNIT)


def _enable(upper: Path, name: str, unit: str) -> None:
    """Install a unit and enable it."""
    units = upper / "etc/systemd/system"
    write_file(units / name, unit)
    link = units / "multi-user.target.wants" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(f"/etc/systemd/system/{name}")
