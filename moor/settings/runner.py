"""The models of ``runner`` in config.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal

from nornir.core.plugins.runners import RUNNERS_PLUGIN_PATH, RunnersPluginRegister
from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, model_validator

from moor.errors import FieldErrors
from moor.settings.addresses import is_loopback
from moor.settings.section import SitePath, StrictModel
from moor.settings.validation import unknown_name
from moor.suggestions import did_you_mean

ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[\w.-]+):([0-9]{1,5})")
SHIPPED = "loop"  # moor's own, unless config.yaml names another
KNOWN = {SHIPPED: ("num_workers",), "threaded": ("num_workers",), "serial": ()}  # runners and their options

Fault = tuple[tuple[str, ...], str]


class RunnerConfig(StrictModel):
    """Who asks the hosts, and how many at once: docs/write-down-your-fleet.md#configyaml.

    Attributes:
        plugin: ``loop``, ``threaded``, ``serial``, ``dask`` (docs/scale.md), or that of another package
        options: ``num_workers`` of the first two; others are the plugin's own
    """

    plugin: str = SHIPPED
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> RunnerConfig:
        if found := [*_plugin_faults(self.plugin), *_option_faults(self.plugin, self.options)]:
            raise FieldErrors(found)
        return self


def _plugin_faults(plugin: str) -> Iterator[Fault]:
    if plugin in KNOWN:
        return
    names = sorted({*KNOWN, *RunnersPluginRegister.available, *entry_points(group=RUNNERS_PLUGIN_PATH).names})
    if plugin not in names:
        close = did_you_mean(plugin, names) or "; is the package that brings it installed?"
        yield ("plugin",), f"no runner is called {plugin}{close} (there are: {', '.join(names)})"


def _option_faults(plugin: str, options: Mapping[str, Any]) -> Iterator[Fault]:
    if plugin not in KNOWN:
        return  # another package's plugin checks its own
    known = KNOWN[plugin]
    yield from ((("options", key), unknown_name(key, known)) for key in sorted(set(options) - set(known)))
    workers = options.get("num_workers", 1) if "num_workers" in known else 1
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        yield ("options", "num_workers"), "must be a whole number, 1 or more"


def _address(text: str) -> str:
    found = ADDRESS.fullmatch(text)
    if not found:
        raise ValueError("must be tls://HOST:PORT, or tcp://127.0.0.1:PORT")
    if found[1] == "tcp" and not is_loopback(found[2].strip("[]")):
        raise ValueError(
            "tcp:// is for this machine alone, since whoever reaches a scheduler commands its workers; "
            "write tls:// with ca, cert and key"
        )
    return text


def _file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    return path


def _private(path: Path) -> Path:
    if (mode := path.stat().st_mode & 0o777) & 0o077:
        raise ValueError(f"others may read or write this file (mode {mode:04o}); chmod 600 {path}")
    return path


Pem = Annotated[SitePath, AfterValidator(_file)]


class DaskOptions(StrictModel):
    """The options of the runner ``dask``.

    Attributes:
        scheduler: the URL of ``dask scheduler``
        num_workers: how many hosts each worker runs at once; None has it find that out
        ca: the CA that signed the certificates of scheduler and workers; they trust every certificate it signed
        cert, key: the controller's certificate and key
    """

    scheduler: Annotated[str, AfterValidator(_address)]
    num_workers: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None
    ca: Pem | None = None
    cert: Pem | None = None
    key: Annotated[Pem, AfterValidator(_private)] | None = None

    @model_validator(mode="after")
    def _with_certificate(self) -> DaskOptions:
        missing = [name for name in ("ca", "cert", "key") if getattr(self, name) is None]
        if self.scheduler.startswith("tls") and missing:
            raise ValueError(f"tls:// needs {', '.join(missing)}")
        if self.scheduler.startswith("tcp") and len(missing) < 3:
            raise ValueError("tcp:// uses no certificate; write tls://, or leave out ca, cert and key")
        return self


class DaskConfig(StrictModel):
    """Nornir's ``runner`` with the plugin ``dask``."""

    plugin: Literal["dask"]
    options: DaskOptions


def _validate_runner(value: Any, info: ValidationInfo) -> RunnerConfig | DaskConfig:
    """Validate by the model of the named plugin; a pydantic union would put its tag into a fault's path."""
    named = value.get("plugin") if isinstance(value, dict) else None
    return (DaskConfig if named == "dask" else RunnerConfig).model_validate(value, context=info.context)


Runner = Annotated[RunnerConfig | DaskConfig, PlainValidator(_validate_runner)]
