"""The stand-in cluster, for tests of tasks."""

from tests.kubernetes.served import api, client

__all__ = ["api", "client"]
