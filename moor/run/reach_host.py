"""The task that checks whether a host is reached, and the pinning of new host keys."""

from __future__ import annotations

from collections.abc import Callable

from nornir.core import Nornir
from nornir.core.task import Result, Task

from moor.connections.devices.device import device_of
from moor.connections.names import KUBERNETES, NETMIKO, connection_of
from moor.engine.asking import Asking, Question, asks, refuse_failed_shell

REACH_S = 30


@asks
def reach_host(task: Task) -> Asking[Result]:
    """Check the way to a host: name, SSH, login, root shell; for a device, up to its prompt; for a cluster, nothing."""
    if connection_of(task.host) == NETMIKO:
        device_of(task.host, task.nornir.config)
        return Result(host=task.host, result="reached")
    if connection_of(task.host) == KUBERNETES:
        return Result(host=task.host, result="a cluster, whose API is asked by check_cluster")
    answer = yield Question(":", REACH_S)
    refuse_failed_shell(answer)
    return Result(host=task.host, result="reached")


def pin_new_host_keys(nr: Nornir, confirm: Callable[[str], bool], write: Callable[[str], None]) -> None:
    """Pin the key of every host and jump host that has none pinned yet."""
    from moor.connections.ssh.pinning import key_scan_of, pin_new_keys

    hosts = [host for host in nr.inventory.hosts.values() if connection_of(host) != KUBERNETES]
    pin_new_keys([key_scan_of(host, nr.config.ssh.config_file) for host in hosts], confirm, write)
