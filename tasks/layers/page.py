"""The known causes as a page for people: ``python -m tasks.layers.page`` puts them into docs/diagnose.md; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.layers import RULES
from tasks.layers.chain import LAYERS, Layer
from tasks.layers.rule import Rule

BEGIN, END = "<!-- the known causes: python -m tasks.layers.page -->", "<!-- end of the known causes -->"
PAGE = Path("docs/diagnose.md")
# A regular expression as text that people search for: what may be left out goes, of alternatives the first stays.
PLAIN = (
    (r"\(([^()]*)\)\?", ""),
    (r"\(([^()|]*)\|[^()]*\)", r"\1"),
    (r"[()]", ""),
    (r"\\S\+", "..."),
    (r"\.\*", "..."),
    (r"(?<!\\)\[(.)[^\]]*(?<!\\)\]", r"\1"),
    (r"[`\"-]\?", ""),
    (r"\$$", ""),
    (r"\\(.)", r"\1"),
    (r"`", "'"),
)


def readable(symptom: str) -> str:
    """Give a symptom's regular expression as text."""
    for pattern, plain in PLAIN:
        symptom = re.sub(pattern, plain, symptom)
    return symptom.strip()


def rules_page(rules: Iterable[Rule] = RULES) -> str:
    """Give the known causes, layer by layer, as Markdown."""
    known = list(rules)
    return "\n".join(line for layer in LAYERS for line in _section(layer, [r for r in known if r.layer == layer.name]))


def _section(layer: Layer, rules: list[Rule]) -> Iterator[str]:
    yield from (f"### {layer.name}", "", f"Holds where {layer.about}.", "")
    yield from ("| rule | what is wrong | mends it | messages | known from |", "|---|---|---|---|---|")
    for rule in rules:
        messages = "<br>".join(f"`{readable(symptom)}`" for symptom in rule.symptoms)
        cells = (f"`{rule.id}`", _words(rule.cause), _words(rule.mend), messages, rule.source)
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
    yield ""


def _words(text: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda field: field[1].upper(), text)


def filled(page: str) -> str:
    """Give a page with the known causes between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{rules_page()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
