"""The options of a write, and its result."""

from dataclasses import dataclass

from ..objects import Object


@dataclass(frozen=True)
class Options:
    """The options of a write; ``strictness`` about unknown fields is Strict, Warn or Ignore."""

    manager: str = "moor-lab-controllers"
    dry_run: bool = False
    force: bool = False
    strictness: str = "Warn"
    subresource: str = ""


BY_CONTROLLERS = Options()


@dataclass(frozen=True)
class WriteResult:
    """The result of a write: the object, whether it was created, and warnings."""

    obj: Object
    created: bool = False
    warnings: tuple[str, ...] = ()
