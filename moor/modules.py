"""The modules that a site brings: its own tasks and runbooks beside config.yaml, in front of the shipped ones."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import traceback
from pathlib import Path
from types import ModuleType

import moor
from moor.errors import InputError, MoorError

SHIPPED = Path(moor.__file__).parent.parent  # holds the packages tasks and runbooks beside moor itself


def load_tasks(site: Path) -> list[ModuleType]:
    """Import every task module, the site's in place of shipped ones of the same name; raises InputError."""
    return load_package("tasks", site)


def load_runbooks(site: Path) -> list[ModuleType]:
    """Import every runbook module as ``load_tasks`` does."""
    return load_package("runbooks", site)


def load_package(name: str, site: Path) -> list[ModuleType]:
    """Import the modules of package ``name`` from the site and from what is shipped; raises InputError."""
    package = search(name, site)
    names = [f"{name}.{found.name}" for found in pkgutil.iter_modules(package.__path__) if found.name[0] != "_"]
    return [_imported(module) for module in dict.fromkeys(names)]


def search(name: str, site: Path) -> ModuleType:
    """Have package ``name`` find the site's modules before the shipped ones, and give it."""
    package = importlib.import_module(name)
    folders = [folder for folder in dict.fromkeys((site.resolve() / name, SHIPPED / name)) if folder.is_dir()]
    package.__path__ = [str(folder) for folder in folders]
    importlib.invalidate_caches()
    _forget_strangers(name, folders)
    return package


def _forget_strangers(package: str, folders: list[Path]) -> None:
    """Drop modules that were loaded for another site, or that this site replaces."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{package}.") and _file(module) != _first(name.split(".")[1:], folders):
            del sys.modules[name]


def _file(module: ModuleType) -> Path | None:
    return Path(module.__file__) if module.__file__ else None


def _first(parts: list[str], folders: list[Path]) -> Path | None:
    stems = [folder.joinpath(*parts) for folder in folders]
    found = (file for stem in stems for file in (stem / "__init__.py", stem.with_suffix(".py")) if file.exists())
    return next(found, None)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except MoorError:
        raise
    except Exception as error:  # a site's own module may fail in any way
        raise InputError(f"{_where(error, name)}: {type(error).__name__}: {error}") from error


def _where(error: Exception, name: str) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "importlib" not in frame.filename]
    return f"{own[-1].filename}:{own[-1].lineno}" if len(own) > 1 else name
