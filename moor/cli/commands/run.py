"""The action of run: one command on many hosts."""

from __future__ import annotations

from nornir.core import Nornir

from moor.cli.commands.running import open_fleet, print_report, remember, run_and_report
from moor.cli.options import DIFFERS, Options
from moor.connections.names import NETMIKO, connection_of
from moor.context import CommandOrder, change_context
from moor.errors import InputError
from moor.output.answers import render_answers
from moor.run.command import RUN_COMMAND
from moor.run.show_commands import refuse_on_devices


def run(options: Options, order: CommandOrder) -> int:
    """Run a command: 0 exit code 0 on every host, 2 another on one, 1 a host failed.

    Raises:
        InputError: a device is among the hosts, and the command may do more than show something
    """
    with open_fleet(options, dry_run=False) as nr:
        platforms = _platforms(nr)
        if platforms and order.script:
            raise InputError(f"run: --script: {', '.join(platforms)} has no shell; leave it out: --limit '!devices'")
        refuse_on_devices(platforms, order.words)
        change_context(nr, command_order=order)
        report = run_and_report(nr, RUN_COMMAND, options, "run")
        kept = not remember(nr, report).trouble
    print_report(options, report, render_answers(report, kept))
    codes = (host.answer.exit_code for host in report.hosts.values() if host.answer)
    return 1 if report.failed else DIFFERS if any(codes) else 0


def _platforms(nr: Nornir) -> dict[str, str]:
    """Return the platform of each device."""
    devices = (host for host in nr.inventory.hosts.values() if connection_of(host) == NETMIKO)
    return {host.name: host.get_connection_parameters(NETMIKO).platform or "" for host in devices}
