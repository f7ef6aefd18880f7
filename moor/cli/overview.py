"""The help of ``moor`` itself: every command with one line, grouped in the order of an operator's work.

It is printed without Typer, which would take twice as long to import as everything else here together. The lines are
those with which the commands' own help begins; a test compares them.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from textwrap import wrap

from moor.output.tables import render_list

PROGRAM = "Keep every host of a fleet moored to a private container registry."
OTHERS = "Others"

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Begin": {
        "init": "Write a new site: config, inventory, secrets; asks for what no option says.",
        "import": "Look at a running fleet and its registry, and propose the inventory.",
    },
    "See and change": {
        "list": "Show runbooks and concerns, which plan, apply and drift take by name.",
        "check": "Check config and inventory, and reach every host.",
        "plan": "Show what would change; nothing is changed anywhere.",
        "show": "Show a host's merged settings, each with file and line; or a saved plan.",
        "apply": "Change what differs, or exactly what a saved plan says.",
        "verify": "Prove from every node that pulls and the workload work.",
        "path": "Show hop by hop whether hosts reach the registry, now and after the plan; nothing is changed.",
        "diagnose": "Show why pods do not start: layer, cause and remedy.",
        "rollback": "Restore the files that a run wrote, host by host.",
    },
    "Every day": {
        "drift": "Show what has changed without a plan, and since when.",
        "hold": "Keep moor off a host, or off one thing on it, until a day; without a host, show what is held.",
        "release": "End holds: let moor work on a host, or on one thing on it, again.",
        "run": "Run one command on many hosts, and show equal answers once.",
        "images": "Show every image that the cluster names: is it still there, and can its pods pull it?",
        "history": "Show past runs and findings, of one host or all.",
        "device": "Show what network devices held, and who changed it; no device is contacted.",
        "report": "Write an HTML page of the fleet; no host is contacted.",
        "serve": "Serve the page of moor report live and read-only.",
        "schedule": "Schedule drift checks, backups and rotations; without a subcommand, show what is scheduled.",
    },
    "Nodes that come and go": {
        "node": "Print what a new machine needs at its first boot.",
        "hosts": "Compare the inventory with the cluster's nodes; add new ones.",
        "onboard": "Add nodes, configure them, and prove by a pull that they work.",
        "offboard": "Take a node out: its settings, its entry, its way in; prove that it no longer gets in.",
        "remove": "Remove from hosts what a concern left that the inventory says no longer.",
    },
    "Certificates and logins": {
        "cert": "Show the CA and the certificates that it signed, renew them, or bring your company's.",
        "rotate": "Replace logins while everything goes on pulling.",
    },
    "The registry": {
        "backup": "Back up the registry that moor runs; list and check backups.",
        "restore": "Restore the registry from a backup, on a bare host too: Harbor is installed first where it is "
        "missing.",
        "failover": "Let the other of two registry hosts serve the registry's name, or continue an interrupted "
        "failover.",
        "harbor": "Take over the configuration of a Harbor that is there already.",
        "bundle": "Carry what a fleet without internet needs: make, check and show a bundle.",
    },
    "Help": {
        "completion": "Print a script that completes commands, options and names in a shell.",
        "manual": "Show the manual page of a command, or write all of them for man.",
    },
}
OPTIONS = {"-h, --help": "explain moor, or the command before it", "--version": "show the versions and exit"}


def known() -> dict[str, str]:
    """Return each command's line by its word."""
    return {word: line for group in GROUPS.values() for word, line in group.items()}


def overview(others: Mapping[str, str]) -> str:
    """Return the help of ``moor``.

    Args:
        others: further commands, such as those of other packages, with one line each.
    """
    groups = {**GROUPS, OTHERS: {word: line for word, line in others.items() if word not in known()}}
    return "\n".join(_lines(groups, min(shutil.get_terminal_size().columns, 100)))


def _lines(groups: Mapping[str, Mapping[str, str]], width: int) -> Iterator[str]:
    yield from ("Usage: moor COMMAND [OPTIONS]", "", *wrap(PROGRAM, width))
    column = max(len(word) for group in groups.values() for word in group)
    for heading, rows in {**groups, "Options": OPTIONS}.items():
        if rows:
            yield from ("", f"{heading}:", *render_list(rows, width, column))
    yield from ("", *wrap("moor COMMAND --help explains one; moor alone shows what to do next here.", width))


def print_overview(others: Mapping[str, str]) -> None:
    """Print the help of ``moor`` on standard output."""
    sys.stdout.write(overview(others) + "\n")
