"""Mirrors of Talos, whose machine configuration names them; it has no SSH.

References:
    docs.siderolabs.com, RegistryMirrorConfig: with ``overridePath``, the path in the URL takes the place of /v2
"""

from __future__ import annotations

from nornir.core.inventory import Host

from moor.tasks.mirrors.runtimes import caches_of
from moor.tasks.mirrors.settings import mirrors_of


def documents_of(host: Host) -> list[dict[str, object]]:
    """Return a document for each mirrored registry."""
    caches = caches_of(host, mirrors_of(host) or {}, "")
    return [
        {
            "apiVersion": "v1alpha1",
            "kind": "RegistryMirrorConfig",
            "name": cache.name,
            "endpoints": [{"url": cache.url, "overridePath": True}],
            "skipFallback": not cache.server,
        }
        for cache in caches
    ]
