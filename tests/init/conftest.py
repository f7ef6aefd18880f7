"""The stand-in cluster, and the stand-in of NetBox, for what is read from them."""

from tests.harness.netbox import netbox
from tests.kubernetes.served import api

__all__ = ["api", "netbox"]
