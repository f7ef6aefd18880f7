"""What every command understands."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

DIFFERS = 2  # the exit code of what was read well, and is not as it should be


class Output(StrEnum):
    """The shapes of standard output."""

    text = "text"
    json = "json"
    junit = "junit"
    metrics = "metrics"


@dataclass(frozen=True)
class Options:
    """The common options.

    Attributes:
        site: None is the working directory where it has a config.yaml, else the shipped fleet
        limit: None is the whole fleet; an empty text names nobody, and is refused
    """

    site: Path | None = None
    limit: str | None = None
    workers: int = 0
    output: Output = Output.text
    quiet: bool = False
    verbose: bool = False
