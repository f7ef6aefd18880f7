"""Logins of the registry that somebody else gave out, such as the robots of a Harbor that another team runs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from moor.settings import SecretRef, Section
from moor.settings.section import StrictModel

LoginName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=255)]


class Login(StrictModel):
    """A login of a registry.

    Attributes:
        user: the whole user name, such as ``robot$shop+puller``
        password: its password
    """

    user: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^:\s]+$")]
    password: SecretRef


class Logins(Section):
    """Logins of the registry that its team gave you, by a name of your own, for workloads and images.

    See docs/existing-registry.md.
    """

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "logins"
    __pydantic_extra__: dict[LoginName, Login]

    @property
    def by_name(self) -> dict[str, Login]:
        return dict(self.__pydantic_extra__)
