"""Prepare each host in three steps: its names, a look at its load, the CA that it trusts."""

from pathlib import Path

from nornir.core.task import Result, Task
from nornir_utils.plugins.functions import print_result

from moor.api import HostError, open_site
from moor.tasks.names.hosts import write_hosts
from moor.tasks.trust import trust_ca

MOST = 50.0


def look_at_load(task: Task) -> Result:
    """Return the host's load; raise HostError if it is too high for work on it."""
    shell = task.host.get_connection("shell", task.nornir.config)
    load = float(shell.run("cat /proc/loadavg").stdout.split()[0])
    if load > MOST:
        raise HostError(f"its load is {load}; try again later")
    return Result(task.host, result=f"load {load}")


def prepare(task: Task) -> Result:
    """Run the steps; one that fails ends the work on its host, and other hosts go on."""
    steps = [task.run(task=step) for step in (write_hosts, look_at_load, trust_ca)]
    return Result(task.host, changed=any(step.changed for step in steps), result="prepared")


nr = open_site(Path.cwd(), dry_run=True)
print_result(nr.run(task=prepare))
