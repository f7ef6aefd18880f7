"""Upload: one large file, for the benchmark.

Changes   one file
Groups    all hosts
Run       moor apply upload
"""

from tasks.upload import upload_file  # type: ignore[import-untyped]  # the site's own, found where the site is opened

from moor.run.runbook import Runbook, Stage

RUNBOOK = Runbook("upload", "One large file.", (Stage(upload_file),))
