"""Check the nodes of one rack, and end with moor's exit codes."""

import sys
from pathlib import Path

from nornir.core.filter import F

from moor.api import InputError, open_site
from moor.tasks.names.hosts import write_hosts

try:
    nr = open_site(Path.cwd(), dry_run=True)
except InputError as error:  # every fault of config.yaml and the inventory, with file and line
    sys.exit(str(error))

rack = nr.filter(F(groups__contains="nodes") & F(custom__rack="r7"))
results = rack.run(task=write_hosts)
for name, result in results.items():
    state = result[0].result if result.failed else "would change" if result[0].changed else "as it should be"
    print(f"{name}: {state}")
sys.exit(1 if results.failed else 2 if any(result[0].changed for result in results.values()) else 0)
