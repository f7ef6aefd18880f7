"""The options of import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

Kubeconfig = Annotated[Path | None, typer.Option("--kubeconfig", help="the cluster, whose nodes are hosts too")]
KnownHosts = Annotated[Path | None, typer.Option("--known-hosts", help="host keys of hosts that are named here")]
Written = Annotated[Path | None, typer.Option("--write", metavar="DIR", help="write the site there, a new directory")]


@dataclass(frozen=True)
class ImportOptions:
    """What import takes beside hosts.

    Attributes:
        write: the directory for the proposed site; it must be empty or new
    """

    kubeconfig: Kubeconfig = None
    user: Annotated[str, typer.Option("--user", help="who logs in to hosts that are named here")] = ""
    key: Annotated[Path | None, typer.Option("--key", help="SSH key for hosts that are named here")] = None
    known_hosts: KnownHosts = None
    registry: Annotated[str, typer.Option("--registry", help="NAME or NAME:PORT, if hosts know several")] = ""
    address: Annotated[str, typer.Option("--address", help="the registry's address, if hosts do not say it")] = ""
    account: Annotated[
        str, typer.Option("--account", metavar="USER=REF", help="account of Harbor; REF is file:PATH or env:NAME")
    ] = ""
    write: Written = None
