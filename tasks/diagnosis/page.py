"""The known causes as a page: ``python -m moor.tasks.diagnosis.page`` puts them into docs/diagnose.md; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from moor.tasks.diagnosis.messages.explain import by_layer
from moor.tasks.diagnosis.messages.known_message import KnownMessage
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.layers import LAYERS, Layer
from moor.tasks.diagnosis.rules.rule import Rule

BEGIN, END = "<!-- the known causes: python -m moor.tasks.diagnosis.page -->", "<!-- end of the known causes -->"
PAGE = Path("docs/diagnose.md")
# A regular expression as text that people search for: what may be left out goes, of alternatives the first stays.
PLAIN = (
    (r"\(\?[!=][^()]*\)", ""),
    (r"(?<!\\)\((?:\?:)?([^()]*)(?<!\\)\)\?", ""),
    (r"(?<!\\)\((?:\?:)?([^()|]*)\|[^()]*(?<!\\)\)", r"\1"),
    (r"(?<!\\)[()]", ""),
    (r"^([^|]*)\|.*", r"\1"),
    (r"\\b", ""),
    (r"\\S[+*]", "..."),
    (r"\\[dw][+*]", "7"),
    (r"\\d", "7"),
    (r"\.\*", "..."),
    (r"[a-z]\?|:\?| \?", ""),
    (r"(?<=[\].])\+", ""),
    (r"(?<!\\)\[(.)[^\]]*(?<!\\)\]", r"\1"),
    (r"[`\"-]\?", ""),
    (r"\$$", ""),
    (r"\\(.)", r"\1"),
    (r"`", "'"),
)


def readable(symptom: str) -> str:
    """Return a symptom's regular expression as text."""
    for pattern, plain in PLAIN:
        symptom = re.sub(pattern, plain, symptom)
    return symptom.strip()


def causes_page(rules: Iterable[Rule] = RULES) -> str:
    """Return the known causes and the known messages, layer by layer, as Markdown."""
    known, said = list(rules), by_layer()
    sections = (_section(at, [r for r in known if r.layer == at.name], said.get(at.name, [])) for at in LAYERS)
    return "\n".join(line for section in sections for line in section)


def _section(layer: Layer, rules: list[Rule], sayings: list[KnownMessage]) -> Iterator[str]:
    yield from (f"### {layer.name}", "", f"Holds where {layer.about}.", "")
    if rules:
        yield from ("| rule | what is wrong | mends it | known from |", "|---|---|---|---|")
        yield from (_row(f"`{rule.id}`", rule.cause, rule.mend, rule.source) for rule in rules)
        yield ""
    if sayings:
        yield from ("| message | what it means | what helps | rule |", "|---|---|---|---|")
        for saying in sayings:
            messages = "<br>".join(f"`{readable(pattern)}`" for pattern in saying.patterns)
            yield _row(messages, saying.cause, saying.mend, f"`{saying.id}`")
        yield ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(_words(cell).replace("|", r"\|") for cell in cells) + " |"


def _words(text: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda field: field[1].upper(), text)


def fill_page(page: str) -> str:
    """Return a page with the known causes between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{causes_page()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(fill_page(PAGE.read_text()))
