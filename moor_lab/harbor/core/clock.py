"""Times in Harbor's format."""

from datetime import UTC, datetime

NEVER = "0001-01-01T00:00:00.000Z"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def seconds(time: str) -> int:
    """Parse a time and return seconds since 1970."""
    return int(datetime.fromisoformat(time).timestamp())
