"""The settings that tasks read: the site's own, and a host's section by section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from nornir.core.inventory import Host
from pydantic import ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from moor.errors import FieldErrors, InputError, MissingSection
from moor.settings.hooks import Hooks
from moor.settings.section import MISSING, SecretRef, Section, SitePath, StrictModel, site_from

Model = TypeVar("Model", bound=Section)


class SiteSettings(StrictModel):
    """moor's settings in config.yaml, below ``user_defined.moor``.

    Paths are relative to the site; here they are absolute.

    Attributes:
        state: directory for moor's state of this site; history and report can be read from a read-only one
        lab: what the lab keeps while it runs
        history_url: a reference to a database's URL, such as ``postgresql+psycopg://...``; else a file in ``state``
        history_days: how long runs are kept
        notify: references to URLs as apprise writes them
        metrics: a file for node_exporter's textfile collector
        waivers: accepted findings; the file is optional
        active: which of two registries (docs/two-registries.md) serves; written by ``moor failover``
        plan_key: the key that signs saved plans (docs/saved-plans.md); else one of this machine's own, in ``state``
        expires_within_days: a certificate or robot that ends within that time is a finding
        mend_hosts: at most so many hosts are mended by one drift check
        hooks: what is run or sent before and after hosts are changed
    """

    renamed: ClassVar[Mapping[str, str]] = {"heal_hosts": "mend_hosts"}
    model_config = ConfigDict(validate_default=True)  # makes the defaults' paths absolute too

    state: SitePath = Path(".moor")
    lab: SitePath = Path("/var/lib/moor-lab")
    history_url: SecretRef | None = None
    history_days: Annotated[int, Field(ge=1)] = 400
    notify: tuple[SecretRef, ...] = ()
    metrics: SitePath | None = None
    waivers: SitePath = Path("inventory/waivers.yaml")
    active: SitePath = Path("active.yaml")
    plan_key: SecretRef | None = None
    expires_within_days: Annotated[int, Field(ge=1)] = 30
    mend_hosts: Annotated[int, Field(ge=1)] = 3
    hooks: Hooks = Field(default_factory=Hooks)
    _directory: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _notices_have_a_way(self) -> SiteSettings:
        if not self.notify and (keys := [key for key, hook in self.hooks.placed() if hook.notice]):
            words = "a notice is sent by notify, which names nobody; write notify: [env:NAME]"
            raise FieldErrors([(("hooks", *key.split(".")), words) for key in keys])
        return self

    @classmethod
    def at(cls, directory: Path, **values: Any) -> SiteSettings:
        """Return the settings of the site in ``directory``; ``values`` are those of its config.yaml."""
        return cls.model_validate(values, context={"site": directory})

    def model_post_init(self, context: Any, /) -> None:
        """Remember the site's directory; config.yaml does not name it, since that is where config.yaml is."""
        self._directory = site_from(context).absolute()

    @property
    def directory(self) -> Path:
        """Return the directory of config.yaml."""
        return self._directory


def optional_settings_of(host: Host, model: type[Model]) -> Model | None:
    """Return the host's settings of one section, or None if the inventory has none for this host."""
    value = host.data.get(model.section)
    if value is None or isinstance(value, model):
        return value
    # A reloaded task module has a new class of the same name.
    return model.model_validate(value.model_dump() if isinstance(value, Section) else value)


def settings_of(host: Host, model: type[Model]) -> Model:
    """Return the host's settings of one section, or the model's defaults.

    Raises:
        MissingSection: the host has no such section, and the section has required keys.
    """
    found = optional_settings_of(host, model)
    if found is not None:
        return found
    try:
        return model()
    except ValidationError as error:
        keys = ", ".join(_missing_keys(error))
        whole = "; ".join(part["msg"].removeprefix("Value error, ") for part in error.errors() if not part["loc"])
        raise MissingSection(
            f"{host.name}: it has no data.{model.section}{f', which needs {keys}' if keys else f': {whole}'}; "
            "write it for this host, one of its groups, or in the defaults"
        ) from None


def _missing_keys(error: ValidationError) -> Iterator[str]:
    for part in error.errors():
        if isinstance(several := part.get("ctx", {}).get("error"), FieldErrors):
            yield from (keys[0] for keys, words in several.found if words.startswith(MISSING))
        elif part["loc"]:
            yield str(part["loc"][0])


@contextmanager
def prefix_errors(key: str) -> Iterator[None]:
    """Put ``key`` in front of the message of an InputError raised in the block."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{key}: {error}") from error
