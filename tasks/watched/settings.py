"""The thresholds from which something of a registry is a finding."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from moor.settings import Section

Percent = Annotated[int, Field(ge=1, le=100)]
Positive = Annotated[int, Field(ge=1)]


class Watch(Section):
    """The section ``watch``: from when on something of the registry is a finding of a drift check.

    Attributes:
        disk_percent: used space of the disk of ``data_volume``
        disk_days: days until it is full at its present growth
        disk_from_percent: below this, growth alone is no finding
        quota_percent: used space of a project's quota
        job_late_hours: how much later than scheduled a job may run
        job_longest_hours: how long a job may run
        scan_failed_percent: failed scans among those of the last scan of all images
        read_only_minutes: how long read-only mode may last, unless the inventory sets it
        robot_unused_days: how long a robot may be unused, as far as Harbor's audit log reaches back
    """

    section: ClassVar[str] = "watch"

    disk_percent: Percent = 90
    disk_days: Positive = 14
    disk_from_percent: Percent = 50
    quota_percent: Percent = 90
    job_late_hours: Positive = 6
    job_longest_hours: Positive = 24
    scan_failed_percent: Percent = 20
    read_only_minutes: Positive = 60
    robot_unused_days: Positive = 180
