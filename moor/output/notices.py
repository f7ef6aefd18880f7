"""Notices to people, by apprise: what has changed since the last one, and what moor mended unattended."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from moor.engine.findings import Finding
from moor.errors import ErrorKind, HostError, InputError, MoorError
from moor.output.devices import author_of
from moor.run.report import DeviceReport, RunReport, unwaived_findings
from moor.secrets.secret import mask
from moor.settings.access import SiteSettings

if TYPE_CHECKING:
    from moor.history.model import FindingRow
    from moor.history.pending import PendingNotices

MAX_LINES = 20  # of each part of one notice


def notify(settings: SiteSettings, report: RunReport, mended: RunReport | None) -> None:
    """Send a notice of findings that are new or over, and of what was mended.

    What could not be sent is sent again by the next run. Without history all open findings are sent.

    Raises:
        HostError: The notice was not delivered to every URL.
    """
    if not settings.notify:
        return
    from moor.history.pending import mark_sent, pending_notices

    try:
        news = pending_notices(settings)
    except MoorError as error:
        send(settings, "moor: history cannot be used", f"{error}\n{message_of_all(unwaived_findings(report))}")
        return
    body = message(news, mended, report.devices)
    if body:
        send(settings, title(report, news), body)
        mark_sent(settings, news)


def title(report: RunReport, news: PendingNotices) -> str:
    """Return the subject line."""
    return f"moor: {len(news.new)} new, {len(news.over)} over, {len(unwaived_findings(report))} open"


def message(news: PendingNotices, mended: RunReport | None, devices: Mapping[str, DeviceReport]) -> str:
    """Return the text of a notice, with who changed a device; empty where nothing has changed."""
    new = [_new(row, devices.get(row.host)) for row in news.new]
    over = [_line("over", f.host, f.id, "", "") for f in news.over]
    done = list(_mended(mended)) if mended else []
    return mask("\n".join(line for part in (new, over, done) for line in _shortened(part)))


def message_of_all(findings: Iterable[Finding]) -> str:
    """Return the text of a notice that lists all open findings."""
    return mask("\n".join(_shortened([_line("open", f.host, f.id, "", f.remedy) for f in findings])))


def _new(row: FindingRow, device: DeviceReport | None) -> str:
    line = _line("new", row.host, row.id, row.what if row.state != "drift" else "", row.remedy)
    by = author_of(device) if row.state in ("drift", "failed") else ""
    return f"{line}; its configuration was last changed by {' '.join(by.split())}" if by else line


def _mended(mended: RunReport) -> Iterator[str]:
    for name, host in mended.hosts.items():
        if host.error and not host.count("failed"):
            yield _line("could not be mended by moor", name, "host", host.error, "")
        for resource in host.resources:
            if resource.status in ("changed", "failed"):
                word = "mended by moor" if resource.status == "changed" else "could not be mended by moor"
                yield _line(word, name, resource.id, resource.error, "")


def _line(word: str, host: str, name: str, what: str, remedy: str) -> str:
    words = f"{word}: {host}: {name}" if host else f"{word}: {name}"
    first = what.partition("\n")[0][:200]
    return "; ".join(part for part in (f"{words}: {first}" if first else words, remedy) if part)


def _shortened(lines: list[str]) -> list[str]:
    return lines if len(lines) <= MAX_LINES else [*lines[:MAX_LINES], f"... and {len(lines) - MAX_LINES} more"]


def send(settings: SiteSettings, subject: str, body: str) -> None:
    """Send a notice to every URL of ``notify``; raise HostError if it was not delivered to one."""
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it logs URLs, which hold passwords
    # following a redirect would send the notice, and for some services a token, to another place
    asset = apprise.AppriseAsset(http_redirects=False)
    failed = []
    for reference in settings.notify:
        sender = apprise.Apprise(asset=asset)
        try:
            known = sender.add(reference.resolve().reveal())
        except InputError as error:
            failed.append(str(error))
            continue
        if not known:
            failed.append(f"{reference}: apprise knows no such URL")
        elif not all(service.verify_certificate for service in sender):
            failed.append(
                f"{reference}: not sent, since its URL leaves certificates unchecked; take verify=no out of it"
            )
        elif not sender.notify(body=body, title=subject):
            failed.append(f"{reference}: it was not delivered")
    if failed:
        raise HostError("\n".join(f"user_defined.moor.notify: {words}" for words in failed), ErrorKind.CONTROLLER)
