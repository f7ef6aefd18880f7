"""The upload of the benchmark: one file of the size of Harbor's installer."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.archive import Archive
from moor.resources.base import Resource
from moor.settings import Section, settings_of


class Upload(Section):
    """The uploaded file and its target."""

    section: ClassVar[str] = "upload"

    source: Path
    target: str


def desired(host: Host) -> Sequence[Resource]:
    """Return the file as a resource."""
    upload = settings_of(host, Upload)
    return [Archive(upload.target, upload.source)]


def upload_file(task: Task) -> Result:
    """Upload the file to the host."""
    return converge(task, desired)
