"""How tasks read the settings of a host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from nornir.core.inventory import Host
from pydantic import ConfigDict, Field, PrivateAttr, ValidationError

from moor.errors import InputError, MissingSection
from moor.settings.section import SecretRef, Section, SitePath, Strict, site_in

Model = TypeVar("Model", bound=Section)


class SiteSettings(Strict):
    """What ``user_defined.moor`` of config.yaml says; all paths are absolute.

    Attributes:
        state: What moor keeps of this site: keys, secrets, history.
        lab: What the lab keeps while it runs.
        history_url: The database's URL as SQLAlchemy writes it; without one it is a file in ``state``.
        history_days: How long runs are kept.
        notify: URLs as apprise writes them.
        metrics: A file for node_exporter's textfile collector.
        waivers: The file of findings that somebody has waived.
        expires_within_days: What ends within that time is a finding.
        mend_hosts: How many hosts one drift check mends at most.
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
    expires_within_days: Annotated[int, Field(ge=1)] = 30
    mend_hosts: Annotated[int, Field(ge=1)] = 3
    _directory: Path = PrivateAttr(default=Path())

    @classmethod
    def at(cls, directory: Path, **said: Any) -> SiteSettings:
        """Return the settings of the site in ``directory``, whose config.yaml says ``said``."""
        return cls.model_validate(said, context={"site": directory})

    def model_post_init(self, context: Any, /) -> None:
        """Keep the site's directory, which is where config.yaml is and so is not written in it."""
        self._directory = site_in(context).absolute()

    @property
    def directory(self) -> Path:
        """Return the directory of config.yaml."""
        return self._directory


def optional_settings_of(host: Host, model: type[Model]) -> Model | None:
    """Return the host's settings of one section, or None where neither it, its groups nor the defaults have any."""
    value = host.data.get(model.section)
    if value is None or isinstance(value, model):
        return value
    # The class of a task module that was loaded anew is another class of the same name.
    return model.model_validate(value.model_dump() if isinstance(value, Section) else value)


def settings_of(host: Host, model: type[Model]) -> Model:
    """Return the host's settings of one section, or the model's defaults; raises InputError where it needs a key."""
    found = optional_settings_of(host, model)
    if found is not None:
        return found
    try:
        return model()
    except ValidationError as error:
        keys = ", ".join(str(part["loc"][0]) for part in error.errors() if part["loc"])
        whole = "; ".join(part["msg"].removeprefix("Value error, ") for part in error.errors() if not part["loc"])
        raise MissingSection(
            f"{host.name}: it has no data.{model.section}{f', which needs {keys}' if keys else f': {whole}'}; "
            "write it for this host, one of its groups, or in the defaults"
        ) from None


@contextmanager
def about(key: str) -> Iterator[None]:
    """Name the key in front of what is found wrong with its value."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{key}: {error}") from error
