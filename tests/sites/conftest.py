"""The stand-in of NetBox, for the sites that ask it."""

from tests.harness.netbox import netbox, plain_netbox

__all__ = ["netbox", "plain_netbox"]
