"""The hooks of a site, with what sends their notices."""

from __future__ import annotations

from nornir.core import Nornir

from moor.context import site_of
from moor.run.rolling.hooks import HookRunner


def hooks_of(nr: Nornir, ticket: str = "") -> HookRunner | None:
    """Return what runs the hooks of the site; None if it has none."""
    settings = site_of(nr)
    if not any(settings.hooks.placed()):
        return None

    def notify(subject: str, text: str) -> None:
        from moor.output.notices import send

        send(settings, subject, text)

    return HookRunner(settings.hooks, settings.directory, ticket, notify)
