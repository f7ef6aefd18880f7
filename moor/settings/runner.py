"""The models of ``runner`` in config.yaml."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, model_validator

from moor.settings.section import SitePath, StrictModel

ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[\w.-]+):([0-9]{1,5})")


class RunnerConfig(StrictModel):
    """Nornir's ``runner``."""

    plugin: str = "threaded"
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_options(self) -> RunnerConfig:
        if self.plugin in ("threaded", "serial"):
            wanted = {"num_workers"} if self.plugin == "threaded" else set()
            if strange := set(self.options) - wanted:
                raise ValueError(f"no such option of {self.plugin}: {', '.join(sorted(strange))}")
            workers = self.options.get("num_workers", 1)
            if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
                raise ValueError("num_workers must be a whole number, 1 or more")
        return self


def _address(text: str) -> str:
    found = ADDRESS.fullmatch(text)
    if not found:
        raise ValueError("must be tls://HOST:PORT, or tcp://127.0.0.1:PORT")
    if found[1] == "tcp" and not _is_loopback(found[2].strip("[]")):
        raise ValueError(
            "tcp:// is for this machine alone, since whoever reaches a scheduler commands its workers; "
            "write tls:// with ca, cert and key"
        )
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
        num_workers: how many hosts each worker runs at once
        ca: the CA that signed the certificates of scheduler and workers; they trust every certificate it signed
        cert, key: the controller's certificate and key
    """

    scheduler: Annotated[str, AfterValidator(_address)]
    num_workers: Annotated[int, Field(ge=1, le=1000, strict=True)] = 20
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
