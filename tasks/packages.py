"""Packages that a host needs: from the bundle where it has one, else from the host's own sources."""

from __future__ import annotations

from nornir.core.inventory import Host

from moor.resources.base import Resource
from moor.resources.package import Package


def packages(host: Host, names: tuple[str, ...], brings: tuple[str, ...] = ()) -> list[Resource]:
    """Return the resource of some packages; none for no names.

    Args:
        host: which gets them.
        names: those that are installed together.
        brings: commands that they are needed for; if the host has one of them already, nothing is installed.
    """
    if not names:
        return []
    package = Package(names, brings)
    if host.data.get("bundle") is None:
        return [package]
    from moor.tasks.bundle.opened import bundle_of
    from moor.tasks.bundle.packages import PackagesOfBundle

    bundle = bundle_of(host)
    return [package] if bundle is None else [PackagesOfBundle(package, bundle)]
