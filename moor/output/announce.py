"""Announcement of a drift check: the metrics file and notices."""

from __future__ import annotations

from functools import partial

from moor.errors import ErrorKind, HostError
from moor.output.notices import notify
from moor.run.report import RunReport
from moor.secrets import private_files
from moor.settings.access import SiteSettings


def announce(settings: SiteSettings, report: RunReport, mended: RunReport | None) -> None:
    """Write the metrics file and send notices.

    Raises:
        HostError: One of them failed. The other was done all the same.
    """
    troubles = []
    parts = (partial(_write_metrics, settings, report), partial(notify, settings, report, mended))
    for part in parts:
        try:
            part()
        except HostError as error:
            troubles.append(str(error))
    if troubles:
        raise HostError("\n".join(troubles), ErrorKind.CONTROLLER)


def _write_metrics(settings: SiteSettings, report: RunReport) -> None:
    path = settings.metrics
    if path is None:
        return
    if not path.parent.is_dir():
        raise HostError(
            f"user_defined.moor.metrics: {path.parent} is no directory; create the one that node_exporter reads",
            ErrorKind.CONTROLLER,
        )
    from moor.output.metrics import metrics

    try:
        private_files.write(path, metrics(report), mode=0o644)  # node_exporter runs as another user
    except OSError as error:
        raise HostError(f"user_defined.moor.metrics: {path}: {error.strerror}", ErrorKind.CONTROLLER) from error
