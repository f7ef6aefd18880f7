"""What is written on hosts, rendered from templates/."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent


@cache
def _environment() -> Environment:
    # A checkout has templates/ beside the package, an installation has it inside.
    places = [HERE.parent / "templates", HERE / "shipped" / "templates"]
    # Nothing here is HTML: what is rendered are files of hosts, where escaping would be damage.
    return Environment(loader=FileSystemLoader(places), undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701


def render(name: str, **values: object) -> str:
    """Render a template; a value that it wants and does not get is an error of the programmer."""
    return _environment().get_template(name).render(**values)
