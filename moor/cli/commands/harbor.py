"""The action of harbor export."""

from __future__ import annotations

from moor.cli.commands.running import open_fleet, print_source, print_warning, refuse_other_output, runbook_of
from moor.cli.commands.screen import working
from moor.cli.options import Options, Output
from moor.run.protocols.proposing import export_of


def export(options: Options) -> int:
    """Print what a running Harbor holds as inventory, and on standard error what a person has to do; return 0."""
    refuse_other_output(options, "harbor export: it prints")
    with open_fleet(options, dry_run=True) as nr, working("read the configuration of Harbor", options.quiet):
        found = export_of(runbook_of(nr, "export")).exported(nr)
    print_source(found.json() if options.output is Output.json else found.text())
    for words in found.words:
        print_warning(words)
    return 0
