"""How deep a document of other people may be nested, since whoever walks it does so by recursion."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 50


def json_value(text: str | bytes) -> Any:
    """Return what a JSON text says; raises ValueError, also where it is nested deeper than Python can read."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def refuse_deep(tree: Any) -> None:
    """Raise ValueError where a document is nested deeper than any file of settings."""
    level = [tree]
    for _ in range(DEEPEST):
        inner = [node.values() if isinstance(node, dict) else node for node in level if isinstance(node, dict | list)]
        level = [node for nodes in inner for node in nodes]
        if not level:
            return
    raise ValueError(f"nested deeper than {DEEPEST} levels")
