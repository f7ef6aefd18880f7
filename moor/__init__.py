"""moor keeps every host of a fleet moored to a private container registry.

Programs import ``open_site`` and the types of its results from here (docs/programs.md).
"""

TYPE_CHECKING = False  # as in typing, which would be a part of the time that ``moor --help`` takes

if TYPE_CHECKING:
    from moor.engine.results import Cause
    from moor.errors import ErrorKind, HostError, InputError, MoorError
    from moor.programs.batches import Batches
    from moor.programs.results import (
        ApplyResult,
        Change,
        DriftResult,
        FleetFinding,
        HostResult,
        PlanResult,
        Proof,
        ProofResult,
        RunResult,
    )
    from moor.programs.site import Site, open_site

_PLACES = {
    "moor.engine.results": ("Cause",),
    "moor.errors": ("ErrorKind", "HostError", "InputError", "MoorError"),
    "moor.programs.batches": ("Batches",),
    "moor.programs.results": (
        "ApplyResult",
        "Change",
        "DriftResult",
        "FleetFinding",
        "HostResult",
        "PlanResult",
        "Proof",
        "ProofResult",
        "RunResult",
    ),
    "moor.programs.site": ("Site", "open_site"),
}

__all__ = [
    "ApplyResult",
    "Batches",
    "Cause",
    "Change",
    "DriftResult",
    "ErrorKind",
    "FleetFinding",
    "HostError",
    "HostResult",
    "InputError",
    "MoorError",
    "PlanResult",
    "Proof",
    "ProofResult",
    "RunResult",
    "Site",
    "open_site",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a name when it is first used."""
        from importlib import import_module

        for module, names in _PLACES.items():
            if name in names:
                return getattr(import_module(module), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
