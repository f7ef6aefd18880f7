"""The task and runbook modules of a site: its own, beside config.yaml, replace shipped ones of the same name.

A site's own ``tasks/mine.py`` is imported as ``moor_sites.<site>.tasks.mine``, so that several sites can be open in one
process, and a script's own packages ``tasks`` and ``runbooks`` are not affected. Within a site's modules these two
names mean the site's: ``from tasks.mine import x`` finds the site's own module first, then the shipped one.

Where a site replaces a shipped module, the other shipped modules have to import the site's one too. Such a site gets
copies of the shipped modules under its own name; every other site uses the shipped modules themselves.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

import moor
from moor.errors import InputError, MoorError

PACKAGE = Path(moor.__file__).parent
# In a checkout, where moor/tasks is a link, the shipped site has the lab's fleet. Beside an installed package there are
# other distributions, so there the package itself is the shipped site, without modules of its own.
SHIPPED = PACKAGE.parent if (PACKAGE / "tasks").is_symlink() else PACKAGE
SITES = "moor_sites"
TASKS, RUNBOOKS = "tasks", "runbooks"
PACKAGES = {TASKS: "moor.tasks", RUNBOOKS: "moor.runbooks"}  # the name in a site -> the shipped package


@dataclass(frozen=True)
class SiteModules:
    """The task and runbook modules of a site.

    Attributes:
        package: the package below which the site's modules are imported.
        folders: the site's directories of modules, by ``tasks`` and ``runbooks``.
        own: the names of the modules in them.
    """

    package: str
    folders: Mapping[str, Path]
    own: Mapping[str, frozenset[str]]

    @property
    def replaces(self) -> bool:
        """Return whether a module of the site replaces a shipped one."""
        return any(names.intersection(_shipped_names(kind)) for kind, names in self.own.items())

    def names(self, kind: str) -> list[str]:
        """List the modules of ``tasks`` or ``runbooks``, the site's own and the shipped ones."""
        return sorted({*self.own[kind], *_shipped_names(kind)})

    def name(self, kind: str, module: str) -> str:
        """Return the name by which Python imports a module for this site."""
        in_site = self.replaces or module.partition(".")[0] in self.own[kind]
        return f"{self.package}.{kind}.{module}" if in_site else f"{PACKAGES[kind]}.{module}"


_registered: dict[str, SiteModules] = {}  # by package


def shipped_sections() -> Mapping[str, str]:
    """Return the shipped concern that defines each section of settings, by the section's name."""
    found: Mapping[str, str] = importlib.import_module(PACKAGES[TASKS]).SECTIONS
    return found


def load_tasks(site: Path) -> list[ModuleType]:
    """Import every task module of the site, its own and the shipped ones; raise InputError if one fails.

    So are the modules inside of shipped concerns that define a section.
    """
    modules = modules_of(site)
    inner = (
        name for name in shipped_sections().values() if "." in name and name.partition(".")[0] not in modules.own[TASKS]
    )
    return [load_module(site, TASKS, name) for name in (*modules.names(TASKS), *inner)]


def load_runbooks(site: Path) -> list[ModuleType]:
    """Import every runbook module of the site, as ``load_tasks`` does."""
    return [load_module(site, RUNBOOKS, name) for name in modules_of(site).names(RUNBOOKS)]


def load_module(site: Path, kind: str, name: str) -> ModuleType:
    """Import one module of ``tasks`` or ``runbooks``: the site's own, else the shipped one.

    Raises:
        InputError: the module fails; the message names its file and line.
        MoorError: raised by the module itself, passed on unchanged.
    """
    modules = modules_of(site)
    full = modules.name(kind, name)
    try:
        return importlib.import_module(full)
    except MoorError:
        raise
    except Exception as error:  # a site's own module may fail in any way
        raise InputError(_failure(error, modules, full)) from error


def failure_in_site(error: Exception, module: str) -> str:
    """Return the message for what a function of ``module`` raised: its file and line; empty for a shipped module."""
    modules = _registered.get(".".join(module.split(".")[:2]))
    return _failure(error, modules, module) if modules else ""


def _failure(error: Exception, modules: SiteModules, module: str) -> str:
    words = str(error).replace(f"{modules.package}.", "")
    return f"{_where(error, name_in_site(module), modules)}: {type(error).__name__}: {words}"


def name_in_site(module: str) -> str:
    """Return a module's name without the site's package, such as ``tasks.trust``."""
    parts = module.split(".")
    return ".".join(parts[next((at for at, part in enumerate(parts[:3]) if part in PACKAGES), 0) :])


def concern_of(module: str) -> str:
    """Return the concern that a module belongs to: the module or package directly below ``tasks``."""
    return name_in_site(module).removeprefix(f"{TASKS}.").partition(".")[0]


def modules_of(site: Path) -> SiteModules:
    """Return the site's current modules, and make Python's import find them."""
    directory = site.expanduser().resolve()
    folders = {kind: directory / kind for kind in PACKAGES}
    own = {kind: frozenset(_names([folder] if _is_sites(kind, folder) else ())) for kind, folder in folders.items()}
    words = [str(directory), *(f"{kind}.{name}" for kind in own for name in sorted(own[kind]))]
    # A worker opens the site at the same path and must compute the same name.
    digest = sha256("\0".join(words).encode("utf-8", "surrogateescape")).hexdigest()
    package = f"{SITES}.s{digest[:16]}"
    return _registered.get(package) or _register(SiteModules(package, folders, own))


def _register(modules: SiteModules) -> SiteModules:
    """Make Python's import find the site's modules below its package."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    _package(SITES, [])
    _package(modules.package, [])
    for kind, folder in modules.folders.items():
        _package(f"{modules.package}.{kind}", [folder, *(_shipped_folders(kind) if modules.replaces else ())])
    return _registered.setdefault(modules.package, modules)


def _package(name: str, folders: Iterable[Path]) -> None:
    module = ModuleType(name)
    module.__path__ = [str(folder) for folder in folders]
    above, _, last = name.rpartition(".")
    if sys.modules.setdefault(name, module) is module and above:
        setattr(sys.modules[above], last, module)


class _Finder(MetaPathFinder):
    """The import finder for modules below ``moor_sites``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a site's module: the site's file, a copy of a shipped one, or the shipped one."""
        parts = fullname.split(".", 3)
        modules = _registered.get(".".join(parts[:2])) if parts[0] == SITES and len(parts) > 3 else None
        if modules is None:
            return None
        kind, rest = parts[2], parts[3]
        if not modules.replaces and rest.partition(".")[0] not in modules.own[kind]:
            shipped = f"{PACKAGES[kind]}.{rest}"
            return ModuleSpec(fullname, _Alias(shipped)) if importlib.util.find_spec(shipped) else None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _SiteLoader(fullname, spec.loader.path, modules)
        return spec


class _Alias(Loader):
    """A loader that makes a site's name for a shipped module an alias of it."""

    def __init__(self, shipped: str) -> None:
        self._shipped = shipped

    def exec_module(self, module: ModuleType) -> None:
        """Replace the empty module in sys.modules by the shipped one, which import allows a loader to do."""
        sys.modules[module.__name__] = importlib.import_module(self._shipped)


class _SiteLoader(SourceFileLoader):
    """A loader of a site's modules, in which ``tasks`` and ``runbooks`` mean the site's packages.

    Python takes ``__import__`` from the builtins of the importing module, so each such module gets its own builtins.
    In a copy of a shipped module, the names of the shipped packages mean the site's packages too.
    """

    def __init__(self, fullname: str, path: str, modules: SiteModules) -> None:
        super().__init__(fullname, path)
        own = any(Path(path).is_relative_to(folder) for folder in modules.folders.values())
        self._names = {kind if own else PACKAGES[kind]: f"{modules.package}.{kind}" for kind in PACKAGES}

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code with the site's ``__import__``."""
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": site_import(self._names)}
        super().exec_module(module)


def site_import(names: Mapping[str, str]) -> Callable[..., ModuleType]:
    """Return an ``__import__`` that imports each package of ``names`` under its other name."""

    def imported(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        called = next((one for one in names if f"{name}.".startswith(f"{one}.")), "") if level == 0 else ""
        if not called:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        full = names[called] + name.removeprefix(called)
        if fromlist:
            return builtins.__import__(full, globals, locals, fromlist, level)
        importlib.import_module(full)
        return sys.modules[names[called]]  # ``import tasks.mine`` binds ``tasks``

    return imported


@cache
def _shipped_names(kind: str) -> tuple[str, ...]:
    return tuple(_names(_shipped_folders(kind)))


@cache
def _shipped_folders(kind: str) -> tuple[Path, ...]:
    return tuple(Path(folder).resolve() for folder in importlib.import_module(PACKAGES[kind]).__path__)


def _is_sites(kind: str, folder: Path) -> bool:
    """Return whether the folder exists and is not the shipped one, which in a checkout is beside config.yaml."""
    return folder.is_dir() and folder.resolve() not in _shipped_folders(kind)


def _names(folders: Iterable[Path | str]) -> list[str]:
    return [found.name for found in pkgutil.iter_modules(map(str, folders)) if found.name[0] != "_"]


def _where(error: Exception, name: str, modules: SiteModules) -> str:
    """Return file and line of the innermost frame, of one in the site's own modules if there is any; else ``name``."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "importlib" not in frame.filename and frame.filename != __file__]
    sites = [frame for frame in own if any(Path(frame.filename).is_relative_to(f) for f in modules.folders.values())]
    return next((f"{frame.filename}:{frame.lineno}" for frame in reversed(sites or own)), name)
