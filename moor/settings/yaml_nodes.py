"""Composing a YAML text into nodes: by libyaml where the text is large and of plain syntax, else by ruamel.yaml.

ruamel.yaml reads YAML 1.2 in Python, which takes a third of a millisecond for each host of a large inventory. libyaml
takes a tenth of that, but reads YAML 1.1: so it reads no text with syntax that the versions or the libraries could take
differently, its scalars are typed by ruamel.yaml's rules, and what it refuses is read by ruamel.yaml, whose errors are
those that users see.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError

from moor.formats.nesting import DEEPEST, refuse_growth

LARGE = 6000  # characters; the import of PyYAML costs as much as ruamel.yaml takes for this many
# Tabs, breaks that only YAML 1.1 knows, byte-order marks, directives, documents, tags, anchors, aliases, explicit keys,
# block scalars.
UNUSUAL = re.compile(r"[\t\r\x85\u2028\u2029\ufeff]|^(?:%|---|\.\.\.)|(?:^|[\s\[\]{},:?-])[!&*?|>]", re.MULTILINE)
TEXT = "tag:yaml.org,2002:str"
Typing = Mapping[str, Sequence[tuple[str, re.Pattern[str]]]]  # tags and what they look like, by the first character


class DepthLimitedComposer(Composer):
    """A YAML composer that refuses deep nesting, which would take minutes and then exhaust the stack."""

    depth = 0

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False  # YAML allows to name an anchor anew (YAML 1.2.2, 7.1)

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Read one value; raise ComposerError if it is nested too deep."""
        if self.depth > DEEPEST:
            mark = self.parser.peek_event().start_mark
            raise ComposerError(None, None, f"nested deeper than {DEEPEST} levels", mark)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def yaml_reader() -> YAML:
    """Return a safe reader of YAML 1.2."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = DepthLimitedComposer
    return yaml


def compose(yaml: YAML, text: str) -> Any:
    """Return the root node of a YAML document, None for an empty one; ``node.id`` is its kind in either library.

    Raises:
        TooManyAliases: with its aliases it is too large or too deep.
        YAMLError: ruamel.yaml cannot read it.
    """
    if len(text) >= LARGE and not UNUSUAL.search(text) and (node := _composed_by_libyaml(text, yaml)):
        return node
    node = yaml.compose(text)
    if node is not None:
        refuse_growth(node)
    return node


def _composed_by_libyaml(text: str, yaml: YAML) -> Any:
    """Return the root node as libyaml reads it; None if it is not installed, or refuses the text."""
    try:
        from yaml import YAMLError
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        return None

    class PlainParser(CParser):
        """libyaml's parser with the methods that its composer needs."""

        def __init__(self) -> None:
            super().__init__(text)

        def descend_resolver(self, node: Any, index: Any) -> None:
            """Do nothing: no type depends on a value's place."""

        def ascend_resolver(self) -> None:
            """Do nothing, as above."""

        def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
            """Return the tag of a value without one."""
            return _tag(typing, value) if kind.id == "scalar" and implicit[0] else f"tag:yaml.org,2002:{KINDS[kind.id]}"

    typing: Typing = yaml.resolver.versioned_resolver
    try:
        node = PlainParser().get_single_node()
    except YAMLError:
        return None
    return None if node is None or _is_deep(node) else node


def _is_deep(root: Any) -> bool:
    """Check whether a document without aliases is nested deeper than ``DEEPEST``."""
    level = [root]
    for _ in range(DEEPEST + 1):
        above = [node for node in level if node.id != "scalar"]
        entries = [entry for node in above for entry in node.value]
        level = [node for entry in entries for node in (entry if isinstance(entry, tuple) else (entry,))]
        if not level:
            return False
    return True


KINDS = {"scalar": "str", "sequence": "seq", "mapping": "map"}


def _tag(typing: Typing, value: str) -> str:
    """Return the tag of a scalar without quotes."""
    return next((tag for tag, pattern in typing.get(value[:1], ()) if pattern.match(value)), TEXT)
