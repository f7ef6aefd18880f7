"""The version of the installed moor."""

from importlib.metadata import PackageNotFoundError, version
from platform import python_version

DISTRIBUTION = "moor-fleet"


def moor_version() -> str:
    """Return the version of the installed distribution; ``unknown`` if moor is not installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def version_line() -> str:
    """Return one line with the versions of moor, Python and Nornir."""
    return f"moor {moor_version()} (Python {python_version()}, Nornir {version('nornir')})"
