"""Telling people and programs of a drift check: metrics, notices, JUnit."""

from __future__ import annotations

from functools import partial

from moor.errors import ErrorKind, HostError
from moor.output.notices import notify
from moor.run.report import RunReport
from moor.secrets import private_files
from moor.settings.access import SiteSettings


def tell(settings: SiteSettings, report: RunReport, mended: RunReport | None) -> None:
    """Write the metrics and tell what is new or over; raises HostError with what could not be done, after the rest."""
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
            f"user_defined.moor.metrics: {path.parent} is no directory; node_exporter reads an existing one",
            ErrorKind.CONTROLLER,
        )
    from moor.output.metrics import metrics

    try:
        private_files.write(path, metrics(report), mode=0o644)  # node_exporter is another user
    except OSError as error:
        raise HostError(f"user_defined.moor.metrics: {path}: {error.strerror}", ErrorKind.CONTROLLER) from error
