"""The files of an Ansible inventory: one file, or a directory of them, with group_vars and host_vars beside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from moor.errors import InputError
from moor.init.sources.ansible.ini import read_ini
from moor.init.sources.ansible.inventory import AnsibleInventory, Variables
from moor.init.sources.ansible.yaml_file import VAULT, add_yaml, load, variables_in
from moor.init.sources.text_file import read_text

# As in Ansible's INVENTORY_IGNORE_EXTS.
IGNORED = (".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry")
YAML_NAMES = (".yaml", ".yml", ".json")
OF_VARIABLES = ("group_vars", "host_vars")


def read_inventory(path: Path) -> AnsibleInventory:
    """Return the inventory of a file or a directory; raise InputError with what cannot be read."""
    inventory = AnsibleInventory()
    folder = path if path.is_dir() else path.parent
    for file in _files(path) if path.is_dir() else [path]:
        _add_file(file, inventory)
    _add_variables(folder / "group_vars", inventory, lambda name: inventory.group(name).files)
    _add_variables(folder / "host_vars", inventory, lambda name: inventory.files.setdefault(name, {}))
    if not inventory.hosts:
        raise InputError(f"{path}: no hosts in it")
    return inventory


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in OF_VARIABLES or path.name.startswith(".") or path.name.endswith(IGNORED):
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _add_file(path: Path, inventory: AnsibleInventory) -> None:
    text = read_text(path)
    if text.startswith("#!") or (os.access(path, os.X_OK) and path.suffix not in (*YAML_NAMES, ".ini")):
        raise InputError(
            f"{path}: a program makes this inventory; have Ansible run it: ansible-inventory -i {path} --list > "
            "hosts.json, then --from ansible hosts.json"
        )
    if text.startswith(VAULT):
        raise InputError(f"{path}: a vault encrypts it; decrypt a copy by ansible-vault decrypt --output FILE {path}")
    if path.suffix in YAML_NAMES or _is_yaml(text):
        tree = load(text, str(path))
        if isinstance(tree, dict) and isinstance(tree.get("plugin"), str):
            raise InputError(
                f"{path}: Ansible's plugin {tree['plugin']} makes this inventory; have Ansible run it: "
                f"ansible-inventory -i {path} --list > hosts.json, then --from ansible hosts.json"
            )
        add_yaml(tree, str(path), inventory)
    else:
        read_ini(text, str(path), inventory)


def _is_yaml(text: str) -> bool:
    """Return whether a file whose name says nothing is YAML, as Ansible tries it before INI."""
    try:
        return isinstance(load(text, ""), dict)
    except InputError:
        return False


def _add_variables(folder: Path, inventory: AnsibleInventory, of: Callable[[str], Variables]) -> None:
    """Add group_vars or host_vars: the files NAME, NAME.yml, NAME.yaml, NAME.json, and those of directories NAME."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        name = path.stem if path.suffix in YAML_NAMES and path.is_file() else path.name
        for file in _files(path) if path.is_dir() else [path]:
            if file.suffix not in ("", *YAML_NAMES) and path.is_dir():
                continue
            found = variables_in(read_text(file), str(file))
            if found is None:
                inventory.notes.append(f"{file}: a vault encrypts it, so its variables are not read")
            of(name).update(found or {})
