"""The end of a run's connections."""

from __future__ import annotations

from nornir.core import Nornir

from moor.workers.dask import DaskRunner


def close_all_connections(nr: Nornir) -> None:
    """Close the connections of all hosts, and leave the workers, which may hold some that this side does not know."""
    is_here = not isinstance(nr.runner, DaskRunner)
    some = nr.filter(filter_func=lambda host: bool(host.connections)) if is_here else nr
    if some.inventory.hosts:
        some.close_connections(on_good=True, on_failed=True)
