"""Rendering of the files in templates/, which moor writes on hosts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from moor.errors import InputError
from moor.lazy_imports import jinja2

SHIPPED = Path(__file__).parent / "shipped_templates"  # in a checkout: a link to templates/


@cache
def _environment_for(site: Path | None) -> jinja2.Environment:
    places = [*([site / "templates"] if site else []), SHIPPED]
    # The results are configuration files, in which HTML escaping would be wrong.
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(places), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )


def render(template: str, site: Path | None = None, **values: object) -> str:
    """Render a template, preferably the site's own; raise InputError if it is missing or faulty."""
    try:
        return _environment_for(site).get_template(template).render(**values)
    except jinja2.TemplateNotFound:
        raise InputError(
            f"templates/{template}: no such template; write it there, or correct the template: that names it"
        ) from None
    except jinja2.TemplateError as error:
        line = f":{error.lineno}" if isinstance(error, jinja2.TemplateSyntaxError) else ""
        raise InputError(f"templates/{template}{line}: {error}") from None
