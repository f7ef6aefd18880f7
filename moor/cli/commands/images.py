"""The action of images."""

from __future__ import annotations

from moor.cli.commands.running import open_fleet, print_report, run_and_report, runbook_of
from moor.cli.options import DIFFERS, Options
from moor.context import change_context, site_of
from moor.errors import InputError
from moor.output.images import render_images
from moor.run.report import unwaived_findings
from moor.run.waivers import apply_waivers, read_waivers

RUNBOOK, CLUSTER = "images_in_use", "cluster"


def images(options: Options, namespace: str, *, only_faults: bool) -> int:
    """Examine every image of the cluster: 0 all are well, 2 a fault, 1 an error, or something was not examined.

    Args:
        namespace: the only one to examine; empty for all
        only_faults: print only images with a fault

    Raises:
        InputError: the inventory names no cluster
    """
    with open_fleet(options, dry_run=True) as nr:
        if not any(host.data.get(CLUSTER) for host in nr.inventory.hosts.values()):
            raise InputError("images: the inventory names no cluster; write data.cluster.kubeconfig")
        settings = site_of(nr)
        waivers = read_waivers(settings.waivers, settings.directory)
        change_context(nr, images_of=namespace)
        report = run_and_report(nr, runbook_of(nr, RUNBOOK), options, "images")
    # of the waivers of everything else, nothing is said here
    apply_waivers(report, [one for one in waivers if any(one.covers(f.host, f.id) for f in report.findings)])
    print_report(options, report, render_images(report, only_faults=only_faults))
    states = {finding.state for finding in unwaived_findings(report)}
    return 1 if report.failed or "unexamined" in states else DIFFERS if states else 0
