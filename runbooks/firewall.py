"""Firewall: restrict who reaches the registry, on network devices and on hosts, each in its own dialect.

Changes   access lists of network devices, firewalls of hosts
Groups    devices, and every host that has a section ``firewall``
Run       moor plan firewall; moor apply firewall
Undo      a change that cuts off a host or device is undone on it automatically
"""

from moor.run.runbook import INSIDERS, Runbook, Stage, members
from moor.tasks.devices.access_lists import write_access_lists
from moor.tasks.firewall.hosts import configure_firewall

RUNBOOK = Runbook("firewall", "Who reaches the registry: access lists of devices, firewalls of hosts.", (
    Stage(write_access_lists, on=members("devices")),
    Stage(configure_firewall, on=INSIDERS),
))  # fmt: skip
