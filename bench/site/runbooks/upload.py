"""Upload: one large file, for the benchmark.

Changes   one file
Groups    all hosts
Run       moor apply upload
"""

from moor.runbook import Runbook, Stage
from tasks.upload import upload_file  # type: ignore[import-untyped]  # the site's own, found where the site is opened

RUNBOOK = Runbook("upload", "One large file.", (Stage(upload_file),))
