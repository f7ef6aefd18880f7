"""Timezone: every host's local time is of one zone.

Changes   /etc/localtime
Groups    all hosts
Run       moor plan timezone; moor apply timezone
"""

from moor.api import Runbook, Stage
from tasks.timezone import keep_time_zone

RUNBOOK = Runbook("timezone", "Every host's local time is of one zone.", (Stage(keep_time_zone),))
