"""The names of access lists that moor once put on a device, and that are to go."""

from __future__ import annotations

from nornir.core.inventory import Host

from moor.context import context_of
from moor.settings import optional_settings_of
from moor.tasks.devices.settings import AccessListSettings

USUAL = str(AccessListSettings.model_fields["name"].default)
KIND = "acl"  # of the ids


def retired_names(host: Host, leaves: bool) -> list[str]:
    """Return the names of lists that moor may have put on a device and the inventory no longer has; all if it leaves.

    Those are the usual one, and what the history knows to have been changed there.
    """
    settings, order = optional_settings_of(host, AccessListSettings), context_of(host).retirement
    written = order.written_on.get(host.name, frozenset()) if order else frozenset[str]()
    names = {USUAL, *(one.removeprefix(f"{KIND}:") for one in written if one.startswith(f"{KIND}:"))}
    wanted = {settings.name} if settings else set[str]()
    return sorted(names | wanted if leaves else names - wanted)
