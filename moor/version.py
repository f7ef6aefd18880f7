"""The version of moor: the one in pyproject.toml, as it was installed."""

from importlib.metadata import PackageNotFoundError, version
from platform import python_version

DISTRIBUTION = "moor-fleet"


def moor_version() -> str:
    """Return the version of the installed distribution; ``unknown`` where moor runs without being installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def described() -> str:
    """Describe in one line what runs: moor, Python, Nornir."""
    return f"moor {moor_version()} (Python {python_version()}, Nornir {version('nornir')})"
