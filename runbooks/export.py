"""Export: read what a running Harbor holds; change nothing.

Groups    harbor, or one host that stands for a registry that somebody else runs
Run       moor harbor export
Undo      nothing to undo
"""

from moor.run.runbook import REGISTRY, Runbook, Stage
from moor.tasks.registry.export.read import RegistryExport, read_configuration

RUNBOOK = Runbook("export", "What a running Harbor holds, as inventory.", (
    Stage(read_configuration, on=REGISTRY, by_api=True),
), proves=True, command=RegistryExport())  # fmt: skip
