"""Nornir's runner ``dask``: running the hosts of a task on workers."""
