"""Hosts out of an Ansible inventory, read by Ansible's own rules: INI, YAML, JSON, group_vars and host_vars.

References:
    Ansible's documentation: How to build your inventory; Connection variables of the ssh connection plugin
"""

from __future__ import annotations

from pathlib import Path

from moor.errors import InputError
from moor.init.answers import Answers
from moor.init.found import Found


def read(where: str, answers: Answers) -> Found:
    """Return the hosts of an inventory, a file or a directory; raise InputError if it cannot be read."""
    from moor.init.sources.ansible.files import read_inventory
    from moor.init.sources.ansible.hosts import found_in

    path = Path(where).expanduser().absolute()
    if not path.exists():
        raise InputError(f"--from ansible: {path}: no such file; it takes an inventory, a file or a directory")
    return found_in(read_inventory(path), where)
