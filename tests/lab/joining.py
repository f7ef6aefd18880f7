"""One more host for a fleet that runs, gone again after the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.resources.core_v1 import Node

from moor_lab.fleet import Host
from moor_lab.lab import Lab

GONE = 404


@contextmanager
def one_more(lab: Lab, name: str, last: int, suite: str, role: bool, packages: tuple[str, ...] = ()) -> Iterator[Host]:
    """Boot a host at the network's address .0.``last``; with a role it joins the cluster."""
    address = IPv4Address(int(lab.fleet.network[0]) + last)
    fleet = lab.fleet
    fields = {"name": name, "address": address, "suite": suite, "profile": "node", "packages": packages}
    host = Host.model_validate(fields | ({"role": "node"} if role else {}))
    lab.add(host)
    try:
        yield host
    finally:
        machine = lab.machine(name)
        machine.kill()
        machine.wipe()
        lab.fleet = fleet
        (lab.directory / "added.json").unlink(missing_ok=True)
        if role:
            forget(lab, name)


def forget(lab: Lab, name: str) -> None:
    """Take a node out of the cluster."""
    cluster = Client(KubeConfig.from_file(lab.directory / "kubeconfig"), trust_env=False)
    try:
        cluster.delete(Node, name)
    except ApiError as error:
        if error.status.code != GONE:
            raise
    finally:
        cluster.close()
