"""The line ``hosts:`` of /etc/nsswitch.conf, which may end the search for a name too early; pure.

References:
    nsswitch.conf(5); the documentation of nss-mdns and nss-resolve
"""

from __future__ import annotations

import re
from collections.abc import Iterator

COVERS = {"files": ("files",), "dns": ("dns",), "resolve": ("files", "dns")}  # resolved reads /etc/hosts too
TOKEN = re.compile(r"\[[^\]]*\]|[^\s\[\]]+")


def asked_sources(line: str, name: str) -> Iterator[tuple[str, str]]:
    """Yield the sources that are asked for an unknown name, each with the action that ends the search, if any."""
    tokens = TOKEN.findall(line)
    for index, source in enumerate(tokens):
        if source.startswith("["):
            continue
        action = tokens[index + 1] if index + 1 < len(tokens) and tokens[index + 1].startswith("[") else ""
        ends = _ends_search(source, action, name)
        yield source, action if ends else ""
        if ends:
            return


def _ends_search(source: str, action: str, name: str) -> bool:
    """Return whether the action ends the search at a source that does not know the name."""
    words = action.strip("[]").upper().split()
    returns = any(
        word in ("NOTFOUND=RETURN", "!SUCCESS=RETURN", "!UNAVAIL=RETURN", "!TRYAGAIN=RETURN") for word in words
    )
    if source.startswith("mdns"):  # for other names its status is unavailable, not notfound
        return returns and name.endswith(".local")
    return returns


def hidden_by(line: str, name: str, known: str) -> str:
    """Return why a name that a source knows is not found; empty if this line is not the reason.

    Args:
        known: the source that knows it: ``files`` or ``dns``
    """
    if not line.strip():
        return ""
    reached = list(asked_sources(line, name))
    if any(known in COVERS.get(source, ()) for source, _ in reached):
        return ""
    source, action = reached[-1] if reached else ("", "")
    return f"{source} {action} ends the search before {known}" if action else f"it does not name {known}"


def corrected_line(line: str) -> str:
    """Return the line with files and dns first, and the other sources after them."""
    rest: list[str] = []
    kept = True
    for token in TOKEN.findall(line):
        if not token.startswith("["):
            kept = token not in ("files", "dns")
        if kept:
            rest.append(token)
    return " ".join(["files", "dns", *rest])
