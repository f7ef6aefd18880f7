"""The action of node config."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.cli.commands.running import open_fleet, print_safely, print_source, print_warning, runbook_of
from moor.cli.options import Options
from moor.connections.names import SHELL, connection_of
from moor.context import site_of
from moor.engine.desired import function_beside
from moor.engine.probing import probe
from moor.errors import InputError, MoorError, controller_error_text
from moor.first_boot.account import account_of
from moor.first_boot.formats import FirstBoot
from moor.first_boot.host_key import HostKey, host_key_for
from moor.first_boot.plan import plan_first_boot
from moor.first_boot.talos import Document, open_documents
from moor.inventory.files import newcomer_name
from moor.resources.base import Resource, State
from moor.resources.edit import Edit
from moor.run.beginning import refuse_input
from moor.run.runbook import Stage
from moor.run.selection import WHOLE
from moor.secrets import private_files
from moor.suggestions import did_you_mean

COMMAND = "node config"


@dataclass(frozen=True)
class Order:
    """What the user wants printed.

    Attributes:
        what: a host or a group.
        form: the format.
        like: a host of the same image.
        with_secrets: secrets are wanted too.
        out: where to write it; None for standard output.
    """

    what: str
    form: str
    like: str | None
    with_secrets: bool
    out: Path | None


def config(options: Options, order: Order) -> int:
    """Print what a machine needs at its first boot, or write it to a file; return 0."""
    with open_fleet(options, dry_run=True) as nr:
        is_host = _is_host(nr, order.what)
        if is_host:
            return _deliver(order, *_made(nr, order, order.what))
    with open_fleet(options, dry_run=True, files={"newcomer": order.what}) as nr:
        return _deliver(order, *_made(nr, order, newcomer_name(order.what)))


def _is_host(nr: Nornir, what: str) -> bool:
    """Return whether a word is a host; raise InputError if it is no group either."""
    hosts, groups = nr.inventory.hosts, nr.inventory.groups
    if not what.strip():
        raise InputError(f"{COMMAND}: the name is empty; name a host of inventory/hosts.yaml, or a group")
    if what not in hosts and what not in groups:
        near = did_you_mean(what, [*hosts, *groups])
        raise InputError(
            f"{COMMAND}: no host or group is called {what}{near}; write the node into inventory/hosts.yaml, or name "
            "its group"
        )
    return what in hosts


def _made(nr: Nornir, order: Order, name: str) -> tuple[FirstBoot, list[str]]:
    """Return what the machine is given, and notes about it."""
    host, state = nr.inventory.hosts[name], site_of(nr).state
    if connection_of(host) != SHELL:
        raise InputError(
            f"{COMMAND}: {order.what} is reached by {connection_of(host)}, not by SSH and a shell; name a node"
        )
    stages = _stages_of(nr, host)
    resources = [one for stage in stages if (desired := stage.desired) for one in desired(host)]
    like = _read_alike(nr, order.like, resources) if order.like else {}
    plan = plan_first_boot(resources, like, order.with_secrets)
    key, notes, documents = None, list[str](), list[Document]()
    if order.form == "talos":
        documents, withheld = open_documents(_talos_documents(stages, host), order.with_secrets)
        plan.secrets = withheld
    if order.form in ("cloud-init", "ignition"):
        key, notes = _host_key(nr, order, host, state)
    if plan.secrets:
        notes.append(f"left out, since secret: {', '.join(plan.secrets)}; --with-secrets has them printed")
    return FirstBoot(order.what, plan, account_of(host), documents, key), notes


def _stages_of(nr: Nornir, host: Host) -> Sequence[Stage]:
    """Return the stages that make a host what it is; raise InputError for what an apply would refuse."""
    alone = nr.filter(name=host.name)
    book = runbook_of(nr, WHOLE)
    refuse_input(alone, book, COMMAND)
    return [stage for stage in book.stages if stage.runs_on(host) and not (stage.looks or stage.by_api)]


def _talos_documents(stages: Sequence[Stage], host: Host) -> list[Document]:
    """Return the documents of each concern that has a function ``talos`` beside its task."""
    found = list[Document]()
    for stage in stages:
        if documents := function_beside(stage.task, "talos"):
            found += cast("Sequence[Document]", documents(host))
    return found


def _read_alike(nr: Nornir, name: str, resources: Sequence[Resource]) -> Mapping[str, State | None]:
    """Return what a host of the same image holds of the edited files.

    Raises:
        InputError: there is no such host, or it cannot be read
    """
    if name not in nr.inventory.hosts:
        raise InputError(f"{COMMAND}: --like: no host is called {name}{did_you_mean(name, nr.inventory.hosts)}")
    edits = list({one.id: one for one in resources if isinstance(one, Edit)}.values())

    def read(task: Task) -> Result:
        return Result(host=task.host, result=probe(task, edits))

    result = nr.filter(name=name).with_processors([]).run(task=read)[name][0]
    if result.exception:
        told = str(result.exception) if isinstance(result.exception, MoorError) else repr(result.exception)
        raise InputError(f"{COMMAND}: --like {name}: {told}")
    states: Mapping[str, State | None] = result.result
    return states


def _host_key(nr: Nornir, order: Order, host: Host, state: Path) -> tuple[HostKey | None, list[str]]:
    """Return the machine's host key if it is wanted, and what is to be said about it."""
    if host.name != order.what:
        return None, ["a group has no SSH host key, since every machine needs its own; name the node to have one made"]
    if not order.with_secrets:
        words = f"moor {COMMAND} {host.name} --format {order.form} --with-secrets"
        return None, [f"the SSH host key is left out, since secret; this makes, pins and prints it: {words}"]
    key = host_key_for(host, nr.config.ssh.config_file, state)
    if key is None:
        words = "if the machine is installed anew, drop it from known_hosts first (ssh-keygen -R)"
        return None, [f"{host.name} has a pinned SSH host key that moor did not make, so none is printed; {words}"]
    return key, ["this text holds secrets, the private SSH host key among them; its public key is pinned"]


def _deliver(order: Order, boot: FirstBoot, notes: list[str]) -> int:
    text = boot.render(order.form)
    for note in [*notes, *boot.notes(order.form, text)]:
        print_warning(note)
    if order.out:
        _write(order.out, text, 0o600 if order.with_secrets else 0o644)
        print_safely(f"{order.out}: written")
    elif order.with_secrets:
        sys.stdout.write(text)  # the secrets in it were asked for
        sys.stdout.flush()
    else:
        print_source(text.removesuffix("\n"))
    return 0


def _write(out: Path, text: str, mode: int) -> None:
    try:
        private_files.write(out, text.encode("utf-8", "surrogateescape"), mode)
    except OSError as error:
        words = controller_error_text(error) or error.strerror or str(error)
        raise InputError(f"--out {out}: {words}; name another file") from error
