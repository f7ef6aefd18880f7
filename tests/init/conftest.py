"""The stand-in cluster, and the stand-in of NetBox, for what is read from them."""

from tests.kubernetes.served import api
from tests.sites.test_netbox import netbox

__all__ = ["api", "netbox"]
