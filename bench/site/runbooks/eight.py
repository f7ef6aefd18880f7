"""Eight: the eight checks of the benchmark on every host.

Changes   four files, a line of /etc/hosts
Groups    all hosts
Run       moor drift --runbook eight; moor apply eight
"""

from tasks.eight import hold_eight  # type: ignore[import-untyped]  # the site's own, found where the site is opened

from moor.run.runbook import Runbook, Stage

RUNBOOK = Runbook("eight", "What the benchmark checks on every host.", (Stage(hold_eight),))
