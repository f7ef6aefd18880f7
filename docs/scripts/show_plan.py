"""Print what moor would change in every host's names, host by host."""

from pathlib import Path

from nornir_utils.plugins.functions import print_result

from moor.api import open_site
from moor.tasks.names.hosts import write_hosts

nr = open_site(Path.cwd(), dry_run=True)
print_result(nr.run(task=write_hosts))
