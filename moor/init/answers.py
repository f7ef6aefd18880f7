"""The answers from which a site is written: options of the command line, or asked for on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer


@dataclass(frozen=True)
class RegistryAnswers:
    """What is known of the registry."""

    registry: Annotated[str, typer.Option(metavar="NAME[:PORT]", help="the registry's full name")] = ""
    registry_address: Annotated[
        str, typer.Option(metavar="ADDRESS", help="its address; by default that of --harbor, or what its name says")
    ] = ""
    harbor: Annotated[
        str, typer.Option(metavar="HOST", help="where moor installs Harbor; leave out for a registry that is there")
    ] = ""
    installer: Annotated[
        str, typer.Option(metavar="FILE", help="Harbor's installer, if you have downloaded it already")
    ] = ""
    project: Annotated[str, typer.Option(metavar="NAME", help="a project to make in Harbor, with two robots")] = ""
    ca: Annotated[
        str, typer.Option(metavar="FILE", help="the CA of a registry that is there; leave out if it is a public one")
    ] = ""
    login: Annotated[str, typer.Option(metavar="USER", help="a login that may pull from a registry that is there")] = ""
    api: Annotated[
        str,
        typer.Option(metavar="KIND", help="its kind: harbor, or distribution for registry:2, Zot, Quay, Nexus, GitLab"),
    ] = ""


@dataclass(frozen=True)
class HostAnswers:
    """Which hosts there are, and how they are reached."""

    nodes: Annotated[
        list[str] | None,
        typer.Option(metavar="HOSTS", help="whose containerd pulls: NAME, NAME=ADDRESS, USER@ADDRESS:PORT, node[1-9]"),
    ] = None
    control_plane: Annotated[str, typer.Option(metavar="HOST", help="where the cluster's API answers")] = ""
    workstation: Annotated[str, typer.Option(metavar="HOST", help="where images are built and pushed from")] = ""
    user: Annotated[str, typer.Option(metavar="NAME", help="logs in on every host, and may use sudo")] = ""
    key: Annotated[
        str, typer.Option(metavar="FILE", help="its private key; by default ssh-agent's, and those of ~/.ssh")
    ] = ""
    kubeconfig: Annotated[str, typer.Option(metavar="FILE", help="of a user that may apply what runs there")] = ""
    netbox_token: Annotated[
        str, typer.Option(metavar="REFERENCE", help="for --from netbox; by default env:NETBOX_TOKEN")
    ] = ""
    netbox_ca: Annotated[str, typer.Option(metavar="FILE", help="the CA of NetBox's certificate")] = ""


@dataclass(frozen=True)
class Answers:
    """All answers."""

    registry: RegistryAnswers = RegistryAnswers()
    hosts: HostAnswers = HostAnswers()

    @property
    def node_words(self) -> list[str]:
        """Return the words of ``--nodes``, which may be repeated."""
        return list(self.hosts.nodes or ())


# Where a fault of a written file comes from: the key that is wrong, and the option that set it.
OPTION_BY_KEY: Mapping[str, str] = {
    "data.registry.name": "--registry",
    "data.registry.port": "--registry",
    "data.registry.api": "--api",
    "data.registry.address": "--registry-address",
    "data.harbor.installer": "--installer",
    "data.pki.ca": "--ca",
    "data.cluster.kubeconfig": "--kubeconfig",
    "data.projects": "--project",
    "username": "--user",
    "connection_options.shell.extras.key_file": "--key",
    "inventory.options.netbox.url": "--from netbox",
    "inventory.options.netbox.token": "--netbox-token",
}
