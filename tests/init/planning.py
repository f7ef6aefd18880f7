"""Plan sites whose hosts are all this machine, without a network: ``python planning.py SITE ...`` prints their reports.

It runs in a network namespace of its own, so that no address of a site is anybody's.
"""

from __future__ import annotations

import json
import sys

from nornir.core.plugins.connections import ConnectionPluginRegister

from moor.connections.local import LocalPlugin
from tests.harness.commands import moor_here

ConnectionPluginRegister.auto_register()
ConnectionPluginRegister.available["shell"] = LocalPlugin
for folder in sys.argv[1:]:
    done = moor_here(folder, "plan", "--output", "json", "--quiet")  # type: ignore[arg-type]
    print(json.dumps({"code": done.returncode, "report": json.loads(done.stdout or "null"), "said": done.stderr}))
