"""What the inventory says of Harbor's whole system, if it says anything; its models are imported only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nornir.core.inventory import Host

from moor.settings import optional_settings_of

if TYPE_CHECKING:
    from moor.tasks.registry.system.settings import HarborSystem

SECTION = "harbor_system"


def written_system(host: Host) -> HarborSystem | None:
    """Return ``data.harbor_system`` of a host, None if the inventory has none for it."""
    if host.data.get(SECTION) is None:
        return None
    from moor.tasks.registry.system.settings import HarborSystem  # a quarter of a small site's imports

    return optional_settings_of(host, HarborSystem)
