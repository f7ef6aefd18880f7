"""The thresholds from which something of a registry is a finding."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from moor.settings import Section

Percent = Annotated[int, Field(ge=1, le=100)]
Positive = Annotated[int, Field(ge=1)]


class Watch(Section):
    """From when on something of the registry is a finding of ``moor drift``: docs/drift.md#what-is-watched-of-harbor.

    Attributes:
        disk_percent: used space of the disk of ``data_volume``
        disk_days: days until it is full at its present growth
        disk_from_percent: used space below which growth alone is no finding
        quota_percent: used space of a project's quota
        job_late_hours: how much later than scheduled a job may begin
        job_longest_hours: how long a job may run
        scan_failed_percent: failed scans of the last scan of all images
        read_only_minutes: how long read-only mode may last
        robot_unused_days: how long a robot may be unused
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
