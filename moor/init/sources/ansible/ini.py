"""Ansible inventories in INI: sections of hosts, of children and of variables."""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from typing import Any

from moor.errors import InputError
from moor.init.sources.ansible.inventory import UNGROUPED, AnsibleInventory
from moor.init.sources.ansible.ranges import split_pattern

SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
KINDS = ("hosts", "children", "vars")


def read_ini(text: str, shown: str, inventory: AnsibleInventory) -> None:
    """Add the content of a file to the inventory.

    Args:
        shown: the file's name in messages

    Raises:
        InputError: every line that cannot be read; none is quoted, since it may hold a password.
    """
    group, kind, faults = UNGROUPED, "hosts", list[str]()
    named = dict[str, str]()  # children with the place that names them; each must be a section somewhere
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in ";#":
            continue
        try:
            if found := SECTION.fullmatch(line):
                group, kind = found[1], _kind(found)
                inventory.group(group)
            elif child := _add_line(line, group, kind, inventory):
                named[child] = f"{shown}:{number}"
        except InputError as error:
            faults.append(f"{shown}:{number}: {error}")
    faults += [f"{place}: no section [{name}]" for name, place in named.items() if name not in inventory.groups]
    if faults:
        raise InputError("\n".join(faults))


def _add_line(line: str, group: str, kind: str, inventory: AnsibleInventory) -> str:
    """Add a line of a section; return the child that it names, if it is one of children."""
    if kind == "hosts":
        _add_hosts(line, group, inventory)
    elif kind == "vars":
        key, value = _variable(line)
        inventory.group(group).variables[key] = value
    else:
        child = line.partition("#")[0].strip()
        inventory.group(group).children[child] = None
        return child
    return ""


def _kind(section: re.Match[str]) -> str:
    kind = section[2] or "hosts"
    if kind not in KINDS:
        raise InputError(f"[{section[1]}:{kind}]: a section is of {', '.join(KINDS)}")
    return kind


def _add_hosts(line: str, group: str, inventory: AnsibleInventory) -> None:
    if line.startswith("[") and line.endswith("]"):
        raise InputError("a section's name has no spaces")
    try:
        pattern, *words = shlex.split(line, comments=True)
    except ValueError as error:
        raise InputError(f"cannot be read: {str(error).lower()}") from None
    variables = dict(map(_variable, words))
    names, port = split_pattern(pattern)
    for name in names:
        inventory.add_host(name, group, {**({"ansible_port": port} if port else {}), **variables})


def _variable(text: str) -> tuple[str, Any]:
    """Return a variable, whose value is a literal of Python's or text, as in Ansible."""
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError("a variable is KEY=VALUE")
    return key.strip(), _literal(value.strip())


def _literal(value: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.literal_eval(value)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return value
