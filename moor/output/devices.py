"""Whose configuration has changed, of network devices, and by whom: the words that every output has in common."""

from __future__ import annotations

from collections.abc import Iterator

from moor.run.report import DeviceReport, RunReport


def device_changes(report: RunReport) -> Iterator[tuple[str, str, str]]:
    """Yield each device that has changed since the last check, or differs and tells by whom it was changed.

    Yields:
        its name, a sentence about it, and the command that shows more
    """
    for name, device in report.devices.items():
        host = report.hosts.get(name)
        differs = host is not None and any(one.status in ("drift", "failed") for one in host.resources)
        by = author_of(device)
        since = device.since[:16].replace("T", " ")
        if device.changed:
            told = f"its configuration changed since {since} UTC, +{device.added} -{device.removed} lines"
            yield name, f"{told}{f'; last by {by}' if by else ''}", f"moor device diff {name}"
        elif differs and by:
            yield name, f"its configuration was last changed by {by}", f"moor device history {name}"


def author_of(device: DeviceReport | None) -> str:
    """Return who changed a device last and when; empty if that is not known."""
    return changed_by(device.changed_by, device.changed_at) if device else ""


def changed_by(name: str, when: str) -> str:
    """Return who changed a device's configuration and when; empty if the device tells neither."""
    return f"{name or 'somebody'} at {when}" if when else name
