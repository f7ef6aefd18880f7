"""The options of diagnose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import LONGEST_WATCH_S, app
from moor.cli.shared_options import OF_RUNS, takes
from moor.errors import InputError


@dataclass(frozen=True)
class PodSelection:
    """The pods to examine; by default those of the inventory's workloads."""

    deployment: Annotated[str, typer.Argument(metavar="[NAME]", help="a workload, or an owner of pods")] = ""
    namespace: Annotated[str, typer.Option("-n", "--namespace", help="of the pods; by default the workloads' own")] = ""
    everywhere: Annotated[bool, typer.Option("-A", "--all-namespaces", help="pods of all namespaces")] = False

    def namespaces(self) -> tuple[str, ...]:
        """Return the selected namespaces; raise InputError if the options contradict each other."""
        if self.namespace and self.everywhere:
            raise InputError("diagnose: --namespace and --all-namespaces exclude each other; say one of them")
        return ("*",) if self.everywhere else (self.namespace,) if self.namespace else ()


@app.command()
@takes(*OF_RUNS)
def diagnose(
    options: Options,
    pods: PodSelection,
    event: Annotated[str | None, typer.Option("--event", help="explain this message; no host is contacted")] = None,
    pull: Annotated[bool, typer.Option("--pull", help="pull the image on every node, and remove it again")] = False,
    watch: Annotated[
        int, typer.Option("--watch", min=0, max=LONGEST_WATCH_S, metavar="SECONDS", help="look again until all is well")
    ] = 0,
) -> int:
    """Show why pods do not start: layer, cause and remedy."""
    from moor.cli.commands import diagnose as command
    from moor.context import DiagnosisScope

    namespaces = pods.namespaces()
    if event is not None:
        if not event.strip():
            raise InputError("diagnose: --event: no message is there; quote one, or leave it out to look at the nodes")
        return command.explain(event, options.site, options.output)
    return command.diagnose(options, DiagnosisScope(pull, namespaces, pods.deployment), watch)
