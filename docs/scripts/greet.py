"""Keep a line of our own in /etc/motd: show the change, and make it with --apply."""

import sys
from collections.abc import Sequence
from pathlib import Path

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from nornir_utils.plugins.functions import print_result

from moor.api import File, Resource, converge, open_site


def desired(host: Host) -> Sequence[Resource]:
    """Return what the host should hold; only what is written in the inventory decides it."""
    return [File("/etc/motd", f"{host.name} pulls from {host['registry'].name}\n")]


def greet(task: Task) -> Result:
    """Make the host greet who logs in."""
    return converge(task, desired)


nr = open_site(Path.cwd(), dry_run="--apply" not in sys.argv)
results = nr.run(task=greet)
print_result(results)
sys.exit(results.failed)
