"""The stand-in's cluster, for tasks that ask one."""

from tests.kubernetes.served import api, client

__all__ = ["api", "client"]
