"""The tables of known causes in docs/diagnose.md, which ``python -m moor.tasks.diagnosis.page`` writes."""

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
# How a regular expression becomes text that people search for: optional parts go, and the first alternative stays.
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


def example_of(expression: str) -> str:
    """Return an example of a known message: a text that its regular expression matches."""
    for pattern, plain in PLAIN:
        expression = re.sub(pattern, plain, expression)
    return expression.strip()


def causes_page(rules: Iterable[Rule] = RULES) -> str:
    """Return the known causes and the known messages, layer by layer, as Markdown."""
    known, messages = list(rules), by_layer()
    sections = (_section(at, [r for r in known if r.layer == at.name], messages.get(at.name, [])) for at in LAYERS)
    return "\n".join(line for section in sections for line in section)


def _section(layer: Layer, rules: list[Rule], messages: list[KnownMessage]) -> Iterator[str]:
    yield from (f"### {layer.name}", "", f"It is ok when {layer.about}.", "")
    if rules:
        yield from ("| rule | cause | remedy | known from |", "|---|---|---|---|")
        yield from (_row(f"`{rule.id}`", rule.cause, rule.mend, rule.source) for rule in rules)
        yield ""
    if messages:
        yield from ("| message | cause | remedy | rule |", "|---|---|---|---|")
        for message in messages:
            examples = "<br>".join(f"`{example_of(pattern)}`" for pattern in message.patterns)
            yield _row(examples, message.cause, message.mend, f"`{message.id}`")
        yield ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(_words(cell).replace("|", r"\|") for cell in cells) + " |"


def _words(text: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda field: field[1].upper(), text)


def fill_page(page: str) -> str:
    """Return the page with the tables of known causes between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{causes_page()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(fill_page(PAGE.read_text()))
