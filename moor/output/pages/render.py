"""The page as one HTML file that loads nothing and allows only its own style and script, by their hashes."""

from __future__ import annotations

import base64
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from moor.output.pages import proofs
from moor.output.pages.chart import FEW, HEIGHT, WIDTH
from moor.output.pages.expiries import share
from moor.output.pages.hosts import MANY, STATES
from moor.output.pages.view import FleetView
from moor.output.pages.words import anchor, folded, many

HERE = Path(__file__).parent
REFRESH_S = 60
UNFOLDED = 30  # findings that are seen at first
SIGNS = {"ok": "✓", "drift": "~", "failed": "!", "unexamined": "?"}


def page(view: FleetView, site: str, live: bool = False) -> str:
    """Return the page as HTML; a ``live`` page reloads itself every minute."""
    style, script = _asset("page.css"), _asset("page.js")
    return _template().render(
        view=view, site=site, live=live, refresh_s=REFRESH_S, style=style, script=script, policy=policy(),
        states=STATES, signs=SIGNS, cells=proofs.STATES, width=WIDTH, height=HEIGHT, few_bars=FEW, many_from=MANY,
        mark=share(view.soon_days), anchor=anchor, folded=folded, many=many, unfolded=UNFOLDED,
    )  # fmt: skip


def policy() -> str:
    """Return the Content-Security-Policy: only the page's own style and script run, and nothing is loaded."""
    style, script = (_hash(_asset(name)) for name in ("page.css", "page.js"))
    own = f"style-src {style}; script-src {script}; img-src data:"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return (HERE / name).read_text("utf-8")


@cache
def _template() -> Template:
    loader = FileSystemLoader(HERE)
    made = Environment(autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["moment"] = _moment
    made.filters["day"] = lambda moment: f"{moment:%Y-%m-%d}"
    return made.get_template("page.html.j2")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
