"""The values of the shared options, and the exit code for a difference."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

DIFFERS = 2  # the exit code if everything was read, and something is not as it should be


class Output(StrEnum):
    """The formats of standard output."""

    text = "text"
    json = "json"
    junit = "junit"
    metrics = "metrics"
    markdown = "markdown"


@dataclass(frozen=True)
class Options:
    """The shared options.

    Attributes:
        site: None for the working directory if it has a config.yaml, else the shipped fleet
        limit: None for the whole fleet; an empty text selects no host, and is refused
    """

    site: Path | None = None
    limit: str | None = None
    workers: int = 0
    output: Output = Output.text
    quiet: bool = False
    verbose: bool = False
