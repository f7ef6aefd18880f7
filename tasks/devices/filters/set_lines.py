"""Configurations that are lists of ``set`` commands, as a tree."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

Tree = dict[str, "Tree"]


def tree_of(configuration: str) -> Tree:
    """Return the commands as nested words in their order; what is deactivated, and what is no command, is left out."""
    root: Tree = {}
    off = list[list[str]]()
    for line in configuration.splitlines():
        verb, _, rest = line.strip().partition(" ")
        if verb == "deactivate":
            off.append(_words(rest))
        elif verb == "set":
            at = root
            for word in _words(rest):
                at = at.setdefault(word, {})
    for words in off:
        above = below(root, *words[:-1])
        above.pop(words[-1] if words else "", None)
    return root


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a description may have a single quote
        return text.split()


def below(tree: Tree, *words: str) -> Tree:
    """Return what is below some words; nothing if they are not there."""
    for word in words:
        tree = tree.get(word, {})
    return tree


def value(tree: Tree, *words: str) -> str:
    """Return the single word below some words; empty if there is none."""
    return next(iter(below(tree, *words)), "")


def pairs(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield each word with the first word below it, which is empty where there is none."""
    return ((word, next(iter(rest), "")) for word, rest in tree.items())


def merged(one: Tree, other: Tree) -> Tree:
    """Return a tree with the words of both."""
    both = {word: merged(rest, other.get(word, {})) for word, rest in one.items()}
    return {**both, **{word: rest for word, rest in other.items() if word not in one}}
