"""Ansible's YAML: inventories, and files of variables; also the JSON that ``ansible-inventory --list`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from moor.errors import InputError, TooManyAliases
from moor.formats.nesting import refuse_growth
from moor.init.sources.ansible.inventory import AnsibleInventory, Unreadable, Variables
from moor.init.sources.ansible.ranges import split_pattern

VAULT = "$ANSIBLE_VAULT;"
META = "_meta"  # of ansible-inventory --list


class Loader(yaml.SafeLoader):
    """A safe loader of YAML 1.1, as Ansible reads it, with Ansible's two tags."""


Loader.add_constructor("!vault", lambda loader, node: Unreadable())
Loader.add_constructor("!vault-encrypted", lambda loader, node: Unreadable())
Loader.add_constructor("!unsafe", lambda loader, node: str(node.value))


def load(text: str, shown: str) -> Any:
    """Return the content of YAML; raise InputError, which quotes nothing of it, if it is none."""
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        refuse_growth(node)
        return loader.construct_document(node)
    except TooManyAliases as error:
        raise InputError(f"{shown}:{error.line}: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, LookupError, AttributeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(f"{shown}{f':{mark.line + 1}' if mark else ''}: not YAML") from None
    finally:
        loader.dispose()


def variables_in(text: str, shown: str) -> Variables | None:
    """Return the variables of a file of group_vars or host_vars; None if a vault encrypts it."""
    if text.startswith(VAULT):
        return None
    tree = load(text, shown)
    if tree is not None and not isinstance(tree, Mapping):
        raise InputError(f"{shown}: variables are a mapping: keys with values")
    return {str(key): value for key, value in (tree or {}).items()}


def add_yaml(tree: Any, shown: str, inventory: AnsibleInventory) -> None:
    """Add the content of a file to the inventory; raise InputError if it is no inventory."""
    if not isinstance(tree, Mapping):
        raise InputError(f"{shown}: not an inventory: groups with hosts, children and vars below them")
    for name, content in tree.items():
        if name == META:
            _add_meta(content, shown, inventory)
        else:
            _add_group(str(name), content, shown, inventory)


def _add_meta(content: Any, shown: str, inventory: AnsibleInventory) -> None:
    for host, variables in _mapping(_mapping(content, f"{shown}: {META}").get("hostvars"), shown).items():
        inventory.hosts.setdefault(str(host), {}).update(_mapping(variables, f"{shown}: {host}"))


def _add_group(name: str, content: Any, shown: str, inventory: AnsibleInventory) -> None:
    place = f"{shown}: {name}"
    keys = _mapping(content, place)
    if strange := [str(key) for key in keys if key not in ("hosts", "children", "vars")]:
        raise InputError(f"{place}: {strange[0]}: a group has hosts, children and vars; is it one of these?")
    group = inventory.group(name)
    group.variables.update({str(key): value for key, value in _mapping(keys.get("vars"), place).items()})
    for pattern, variables in _mapping(keys.get("hosts"), place).items():
        names, port = split_pattern(str(pattern))
        known = {str(key): value for key, value in _mapping(variables, f"{place}: {pattern}").items()}
        for host in names:
            inventory.add_host(host, name, {**({"ansible_port": port} if port else {}), **known})
    for child, below in _mapping(keys.get("children"), place).items():
        group.children[str(child)] = None
        _add_group(str(child), below, shown, inventory)


def _mapping(value: Any, place: str) -> Mapping[Any, Any]:
    """Return a mapping; names alone, as a list or one text, are keys without values."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {value: None}
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return dict.fromkeys(value)
    if not isinstance(value, Mapping):
        raise InputError(f"{place}: must be a mapping")
    return value
