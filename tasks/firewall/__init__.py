"""Host firewalls, each in the dialect that the host runs."""

from moor.tasks.firewall.hosts import Firewall as Firewall
from moor.tasks.firewall.hosts import configure_firewall as configure_firewall
