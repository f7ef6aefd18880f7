"""Routes: static routes to the registry and to other networks, on network devices and on hosts.

Changes   static routes, now and after a reboot
Groups    every host and device that has a section ``routes``
Run       moor plan routes; moor apply routes
Undo      a change that cuts off a host or device is undone on it automatically; moor remove routes
"""

from moor.run.runbook import INSIDERS, Runbook, Stage, members
from moor.tasks.routes.devices import set_device_routes
from moor.tasks.routes.hosts import set_routes

RUNBOOK = Runbook("routes", "Static routes to the registry, on devices and on hosts.", (
    Stage(set_device_routes, on=members("devices"), ahead=True),
    Stage(set_routes, on=INSIDERS),
))  # fmt: skip
