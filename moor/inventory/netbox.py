"""Nornir inventory plugin: the files of FleetInventory, plus the machines in NetBox."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nornir.core.inventory import Host

from moor.errors import InputError
from moor.inventory.files import FleetInventory
from moor.settings.document import InputFaults, Source, Tree, merge, tree_of
from moor.settings.fleet import CUSTOM
from moor.settings.section import COMMAND

PLACE = "inventory.options.netbox"
FACTS = "netbox"  # below data.custom of every host from NetBox
SHOWN = ("id", "site", "role", "platform", "status", "tags")
CONTEXT = "moor"  # the key of a config context that holds settings
COMMAND_REFUSED = (
    "a command is not taken from NetBox, since whoever writes it there would have it run here; "
    "write it into hosts.yaml or groups.yaml"
)


class NetBoxInventory(FleetInventory):
    """FleetInventory, plus the devices and virtual machines of NetBox as hosts; hosts.yaml wins.

    A machine is in those groups of NetBoxInventory2 (``site__dc1``, ``device_role__node``, ``platform__debian`` ...)
    that groups.yaml defines. Its ``data`` is the key ``moor`` of its config context. The option ``netbox`` has the keys
    of ``moor.settings.config.NetBoxOptions``.
    """

    def _hosts(self, groups: Tree, faults: InputFaults) -> Tree:
        """Merge hosts.yaml over the machines of NetBox; raise InputError if NetBox does not answer."""
        source = Source(self.netbox["url"], 1)
        known = {
            str(name): tree_of(entry_of_machine(host, set(groups.items)), source.below(str(name)))
            for name, host in self.machines()
        }
        for machine in known.values():
            for place in _commands(machine):
                faults.add(place, COMMAND_REFUSED)
        written = super()._hosts(groups, faults) if self.host_file.exists() else Tree(source, {})
        return merge(Tree(source, known), written)

    def machines(self) -> Iterable[tuple[str, Host]]:
        """Return NetBox's machines by name; raise InputError if it does not answer."""
        try:
            from nornir_netbox.plugins.inventory import NetBoxInventory2  # type: ignore[import-untyped]
        except ImportError as error:
            raise InputError(f"{PLACE}: {error}; pip install nornir-netbox brings it") from error
        from moor.inventory.netbox_session import NetBoxSession

        url, ca = self.netbox["url"].rstrip("/"), self.netbox.get("ca")
        plugin = NetBoxInventory2(
            nb_url=url,
            nb_token="",  # the session has it
            filter_parameters=dict(self.netbox["filters"]),
            include_vms=self.netbox["virtual_machines"],
            use_platform_slug=True,
            group_file=os.devnull,  # FleetInventory reads and checks these
            defaults_file=os.devnull,
        )
        try:
            session = NetBoxSession(url, self.netbox["token"].resolve(), str(ca) if ca else True)
            plugin.session = session
            hosts = list(plugin.load().hosts.items())
        except InputError as error:
            raise InputError(f"{PLACE}: {url}: {error}") from error
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{PLACE}: {url} gives no list of machines: {_cause(error)}; look at url, ca and token, "
                "which must be allowed to read devices and virtual machines"
            ) from error
        if doubles := list(session.doubles()):
            raise InputError("\n".join(f"{PLACE}: {url}: {line}" for line in doubles))
        return hosts


def _cause(error: BaseException) -> str:
    """Return the message of the first error in the chain of causes; the others only repeat it."""
    while error.__context__ is not None:
        error = error.__context__
    return " ".join(str(error).split())[:300] or type(error).__name__


def entry_of_machine(host: Host, known: set[str]) -> dict[str, Any]:
    """Return the entry of hosts.yaml for a machine; FleetInventory reports a config context that is no mapping.

    Args:
        host: the plugin's host.
        known: the groups that groups.yaml defines.
    """
    found = dict(host.data)
    every = found.get("config_context") or {}
    context = (every.get(CONTEXT) or {}) if isinstance(every, Mapping) else every
    facts = {key: _short(found[key]) for key in SHOWN if found.get(key)}
    entry: dict[str, Any] = {
        "hostname": host.hostname,
        "groups": list(dict.fromkeys(group.name for group in host.groups if group.name in known)),
        "data": _with_facts(context, facts),
    }
    return entry | ({"platform": str(host.platform).replace("-", "_")} if host.platform else {})


def _commands(tree: Tree) -> Iterator[Source]:
    """Yield the places of commands that would print a secret; facts below ``custom`` are only facts."""
    if isinstance(tree.value, str) and tree.value.startswith(f"{COMMAND}:"):
        yield tree.source
    for key, below in tree.items.items():
        if key == COMMAND:
            yield below.source
        elif key != CUSTOM:
            yield from _commands(below)
    for one in tree.value if isinstance(tree.value, tuple) else ():
        yield from _commands(one)


def _with_facts(context: Any, facts: dict[str, Any]) -> Any:
    """Return a config context with the facts from NetBox below ``custom``."""
    if not isinstance(context, Mapping):
        return context
    custom = context.get(CUSTOM) or {}
    return {**context, CUSTOM: {**custom, FACTS: facts} if isinstance(custom, Mapping) else custom}


def _short(value: Any) -> Any:
    """Return the slug or value of a NetBox object; of a list, those of its objects."""
    if isinstance(value, list):
        return [_short(one) for one in value]
    return value.get("slug", value.get("value")) if isinstance(value, Mapping) else value
