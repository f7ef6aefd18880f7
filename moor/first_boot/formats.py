"""The formats of a first boot, and the notes that belong to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from moor.errors import InputError
from moor.first_boot.account import Account
from moor.first_boot.cloud_init import LARGEST_USER_DATA, render_cloud_init
from moor.first_boot.host_key import HostKey
from moor.first_boot.ignition import render_ignition
from moor.first_boot.plan import FirstBootPlan
from moor.first_boot.script import render_script
from moor.first_boot.talos import Document
from moor.first_boot.yaml_document import dump_documents

FORMATS = ("cloud-init", "ignition", "talos", "k3s", "script")
RANCHER = ("/etc/rancher/k3s/", "/etc/rancher/rke2/")


@dataclass(frozen=True)
class FirstBoot:
    """What a machine is given, whatever the format.

    Attributes:
        called: the host, or the group, that it is made for.
        plan: its files and steps.
        account: by which moor logs in.
        documents: of Talos' machine configuration.
        host_key: None where it is not asked for, or cannot be made.
    """

    called: str
    plan: FirstBootPlan
    account: Account
    documents: Sequence[Document] = field(default=())
    host_key: HostKey | None = None

    def render(self, form: str) -> str:
        """Return the text in one of ``FORMATS``; raise InputError if the host has nothing to say in it."""
        if form == "cloud-init":
            return render_cloud_init(self.plan, self.account, self.host_key, self._head())
        if form == "ignition":
            return render_ignition(self.plan, self.account, self.host_key)
        if form == "talos":
            return self._head() + dump_documents(self.documents)
        return self._registries() if form == "k3s" else render_script(self.plan.steps, self._head())

    def notes(self, form: str, rendered: str) -> list[str]:
        """Return what is worth knowing about the text, a sentence each."""
        found = [f"{name}: left to moor apply: {why}" for name, why in self.plan.left.items()]
        if form == "talos":
            return []
        if form in ("cloud-init", "ignition") and not self.account.keys:
            found.append("no account is made, since the inventory names no username and key; write them, or "
                         "data.first_boot.authorized_keys")  # fmt: skip
        if form == "script":
            found.append("a script makes no account and no host key; your installer does")
        size = len(rendered.encode("utf-8", "surrogateescape"))
        if form == "cloud-init" and size > LARGEST_USER_DATA:
            found.append(f"it has {size} bytes, and some clouds take no more than {LARGEST_USER_DATA}; gzip it")
        return found

    def _head(self) -> str:
        return f"# What {self.called} needs at its first boot. Made by moor from the inventory; change that instead.\n"

    def _registries(self) -> str:
        """Return registries.yaml, and as comments the files that it names."""
        path = next((path for path in self.plan.edited if path.startswith(RANCHER)), "")
        if not path:
            raise InputError(
                f"{self.called}: it runs neither k3s nor RKE2; write data.containerd.runtime: k3s, or take another "
                f"--format ({', '.join(FORMATS)})"
            )
        beside = [file for file in self.plan.files if file.path.startswith(RANCHER)]
        lines = [line for file in beside for line in (f"{file.path} holds:", *file.content.splitlines())]
        return f"{self._head()}# {path}\n{self.plan.edited[path]}" + "".join(f"# {line}\n" for line in lines)
