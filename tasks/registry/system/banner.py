"""The banner on Harbor's pages, which Harbor keeps as JSON in one setting."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from moor.formats.nesting import parse_json
from moor.settings.section import StrictModel

DAY = "%m/%d/%Y"  # how Harbor's API describes the dates


class Banner(StrictModel):
    """A text on every page of Harbor's.

    Attributes:
        message: the text; empty for no banner
        type: ``success``, ``info``, ``warning`` or ``danger``
        closable: whether a reader may close it
        from_date: the first day on which it is shown
        to_date: the day until which it is shown
    """

    message: Annotated[str, Field(max_length=2000)]
    type: Literal["success", "info", "warning", "danger"] = "info"
    closable: bool = False
    from_date: date | None = None
    to_date: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Banner:
        if self.from_date and self.to_date and self.to_date < self.from_date:
            raise ValueError("to_date is before from_date")
        if not self.message and self != Banner.model_construct(message=""):
            raise ValueError("a banner without a message has nothing else; write message alone, empty, for no banner")
        return self


def encode_banner(banner: Banner) -> str:
    """Return the banner as Harbor keeps it; empty for none."""
    if not banner.message:
        return ""
    found: dict[str, Any] = {"closable": banner.closable, "message": banner.message, "type": banner.type}
    days = {"fromDate": banner.from_date, "toDate": banner.to_date}
    return json.dumps(found | {name: day.strftime(DAY) for name, day in days.items() if day}, sort_keys=True)


def decode_banner(text: str) -> Banner:
    """Return the banner that Harbor keeps; one that nobody can read is no banner."""
    try:
        found = parse_json(text or "{}")
        message = str(found.get("message") or "")
    except (ValueError, AttributeError, RecursionError):
        return Banner(message="")
    if not message:
        return Banner(message="")
    kind = found.get("type") if found.get("type") in ("success", "info", "warning", "danger") else "info"
    return Banner.model_construct(
        message=message,
        type=kind,
        closable=bool(found.get("closable")),
        from_date=_day(found.get("fromDate")),
        to_date=_day(found.get("toDate")),
    )


def _day(text: object) -> date | None:
    """Return a day as Harbor's API describes it, or as its pages write it."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return datetime.strptime(text, DAY).date() if "/" in text else datetime.fromisoformat(text).date()
    except ValueError:
        return None
