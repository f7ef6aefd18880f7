"""Bundle: everything that the fleet needs from outside, in one file or directory, for hosts without internet.

Changes   nothing on hosts; moor bundle create writes the bundle
Groups    all hosts, whose settings say what is needed
Run       moor bundle create PATH; moor bundle check PATH; moor bundle show PATH
Undo      remove the bundle
"""

from moor.run.runbook import Runbook
from moor.tasks.bundling.commands import SiteBundle

RUNBOOK = Runbook("bundle", "What the fleet needs from outside, in one bundle.", (), proves=True, command=SiteBundle())
