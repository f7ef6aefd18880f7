"""Access lists on network devices between the nodes and the registry."""

from moor.tasks.devices.access_lists import AccessListSettings as AccessListSettings
from moor.tasks.devices.access_lists import write_access_lists as write_access_lists
