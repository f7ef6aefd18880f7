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
FIELDS = ("config_context", "local_context_data")  # the rendered context, and the part of it that is the machine's own
UNSET = object()
COMMAND_REFUSED = (
    "a command is not taken from NetBox, since whoever writes it there would have it run here; "
    "write it into hosts.yaml or groups.yaml"
)


class NetBoxInventory(FleetInventory):
    """FleetInventory, plus the devices and virtual machines of NetBox as hosts; hosts.yaml wins.

    A machine is in those groups of NetBoxInventory2 (``site__dc1``, ``device_role__node``, ``platform__debian`` ...)
    that groups.yaml defines. Its ``data`` is the key ``moor`` of its config context. The option ``netbox`` has the keys
    of ``moor.settings.netbox.NetBoxOptions``.
    """

    def _hosts(self, groups: Tree, faults: InputFaults) -> Tree:
        """Merge hosts.yaml over the machines of NetBox; raise InputError if NetBox does not answer."""
        source = Source("NetBox", 0)
        known = {str(name): tree_of_machine(host, set(groups.items), faults) for name, host in self.machines()}
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
            filter_parameters={key: _as_asked(value) for key, value in self.netbox["filters"].items()},
            include_vms=self.netbox["virtual_machines"],
            use_platform_slug=True,
            group_file=os.devnull,  # FleetInventory reads and checks these
            defaults_file=os.devnull,
        )
        refused: list[str] = []
        try:
            session = NetBoxSession(url, self.netbox["token"].resolve(), str(ca) if ca else True)
            if branch := self.netbox.get("branch"):
                session.read_branch(branch)
            plugin.session, refused = session, session.refused
            hosts = list(plugin.load().hosts.items())
            refused += session.doubles()
        except InputError as error:
            refused.append(str(error))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            refused.append(
                f"it gives no list of machines: {_cause(error)}; look at url, ca and token, "
                "which must be allowed to read devices and virtual machines"
            )
        if refused:
            raise InputError("\n".join(f"{PLACE}: {url}: {line}" for line in refused))
        return hosts


def _cause(error: BaseException) -> str:
    """Return the message of the first error in the chain of causes; the others only repeat it."""
    while error.__context__ is not None:
        error = error.__context__
    return " ".join(str(error).split())[:300] or type(error).__name__


def tree_of_machine(host: Host, known: set[str], faults: InputFaults) -> Tree:
    """Return the entry of hosts.yaml for a machine; each value's place is the field of NetBox that has it.

    Args:
        host: the plugin's host.
        known: the groups that groups.yaml defines.
        faults: receives a fault for each context that is no mapping.
    """
    found = dict(host.data)
    machine = Source(f"NetBox {'device' if 'device_type' in found else 'virtual machine'} {host.name}", 0)
    groups = list(dict.fromkeys(group.name for group in host.groups if group.name in known))
    entry = {
        "hostname": Tree(machine.below("primary_ip"), host.hostname),
        "groups": tree_of(groups, machine),
        "data": _with_facts(context_of_machine(found, machine, faults), found, machine),
    }
    if host.platform:
        entry["platform"] = Tree(machine.below("platform"), str(host.platform).replace("-", "_"))
    return Tree(machine, entry)


def context_of_machine(found: Mapping[str, Any], machine: Source, faults: InputFaults) -> Tree:
    """Return the settings in a machine's rendered config context; what its own context has is placed there."""
    rendered, own = (found.get(field) for field in FIELDS)
    places = [machine.below(field) for field in FIELDS]
    for place, context in zip(places, (rendered, own), strict=True):
        if context is not None and not isinstance(context, Mapping):
            faults.add(place, f"must be a mapping, whose key {CONTEXT} has the settings")
    settings = rendered.get(CONTEXT) if isinstance(rendered, Mapping) else None
    local = own.get(CONTEXT, UNSET) if isinstance(own, Mapping) else UNSET
    here, there = (place.below(CONTEXT) for place in places)
    return _placed({} if settings is None else settings, local, here, there)


def _placed(value: Any, local: Any, here: Source, there: Source) -> Tree:
    """Return a rendered value as a tree; NetBox lays the local context over all others, key by key."""
    if not isinstance(value, Mapping):
        return tree_of(value, here if local is UNSET else there)
    own = local if isinstance(local, Mapping) else {}
    items = {
        str(key): _placed(below, own.get(key, UNSET), here.below(str(key)), there.below(str(key)))
        for key, below in value.items()
    }
    return Tree(here, items)


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


def _with_facts(context: Tree, found: Mapping[str, Any], machine: Source) -> Tree:
    """Return a config context with the facts from NetBox below ``custom``."""
    custom = context.items.get(CUSTOM) or Tree(machine.below(CUSTOM), {})
    if not isinstance(context.value, dict) or not isinstance(custom.value, dict):
        return context
    facts = {key: _short(found[key]) for key in SHOWN if found.get(key)}
    both = {**custom.items, FACTS: tree_of(facts, machine)}
    return Tree(context.source, {**context.items, CUSTOM: Tree(custom.source, both)})


def _as_asked(value: Any) -> Any:
    """Return the value of a filter as NetBox reads it."""
    return str(value).lower() if isinstance(value, bool) else value


def _short(value: Any) -> Any:
    """Return the slug or value of a NetBox object; of a list, those of its objects."""
    if isinstance(value, list):
        return [_short(one) for one in value]
    return value.get("slug", value.get("value")) if isinstance(value, Mapping) else value
