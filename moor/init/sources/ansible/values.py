"""The values of Ansible's connection variables, with the simple templates in them rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from moor.init.sources.ansible.inventory import Unreadable

DEEPEST = 8  # a variable in a variable in a variable ...
LONGEST = 4096  # characters
# Each with its name of former times, which counts too.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "host": ("ansible_host", "ansible_ssh_host"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "key": ("ansible_private_key_file", "ansible_ssh_private_key_file"),
    "login": ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"),
    "sudo": ("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"),
    "connection": ("ansible_connection",),
}
ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


class Values:
    """The variables of one host; ``unread`` collects those that only Ansible can read."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.variables, self.unread = variables, list[str]()

    def text(self, kind: str) -> str:
        """Return a variable of ``SPELLINGS`` as text; empty if it is not set or cannot be read."""
        return self.of(next((name for name in SPELLINGS[kind] if name in self.variables), ""))

    def is_set(self, kind: str) -> bool:
        """Return whether a variable of ``SPELLINGS`` has a value, readable or not."""
        return any(self.variables.get(name) not in (None, "") for name in SPELLINGS[kind])

    def of(self, name: str) -> str:
        """Return a variable as text."""
        value = self.variables.get(name)
        if value is None:
            return ""
        if isinstance(value, Unreadable):
            self.unread.append(name)
            return ""
        try:
            return self._rendered(str(value))
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError):
            self.unread.append(name)
            return ""

    def _rendered(self, text: str) -> str:
        for _ in range(DEEPEST):
            if "{{" not in text and "{%" not in text:
                return text.strip()
            text = _environment.from_string(text[:LONGEST]).render(self.variables)
        raise ValueError("a template in a template without an end")
