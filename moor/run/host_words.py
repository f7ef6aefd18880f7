"""The words of ``--limit``: names, patterns, ranges, facts, and hosts that earlier runs know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from math import prod
from typing import Any

from nornir.core.inventory import Host

from moor.errors import InputError
from moor.suggestions import did_you_mean

CUSTOM = "custom"  # the key of ``data`` below which facts of one's own are
MOST = 100_000  # hosts of one range
SHOWN = 10  # values of a fact in an error
LIMIT = "--limit"
Remembered = Callable[[str], frozenset[str]]  # the hosts behind a word such as ``@failed``


def split_words(expression: str) -> list[str]:
    """Return the words between commas; a comma in brackets, as in ``node[1-3,7]``, parts no words."""
    words, depth = [""], 0
    for letter in expression:
        depth = max(0, depth + {"[": 1, "]": -1}.get(letter, 0))
        if letter == "," and not depth:
            words.append("")
        else:
            words[-1] += letter
    return [word.strip() for word in words if word.strip()]


class HostWords:
    """Finds the hosts that words name.

    Args:
        hosts: the whole fleet
        groups: the names of its groups
        remembered: returns the hosts behind ``@failed`` and the like; raises InputError for other words
        called: what the user wrote the words behind
    """

    def __init__(
        self, hosts: Mapping[str, Host], groups: Iterable[str], remembered: Remembered, called: str = LIMIT
    ) -> None:
        self._hosts, self._groups, self._remembered = hosts, frozenset(groups), remembered
        self._called = called

    def chosen(self, words: Iterable[str]) -> frozenset[str]:
        """Return the hosts that the words name; ``!`` before a word takes its hosts out, of the fleet if it is alone.

        Raises:
            InputError: words that name nobody, all of them at once
        """
        wanted: list[frozenset[str]] = []
        unwanted: list[frozenset[str]] = []
        faults: list[str] = []
        for word in words:
            try:
                (unwanted if word.startswith("!") else wanted).append(self._named(word.removeprefix("!").strip()))
            except InputError as error:
                faults += str(error).splitlines()
        if faults:
            raise InputError("\n".join(faults))
        everybody = [frozenset(self._hosts)]
        return frozenset[str]().union(*(wanted or everybody)).difference(*unwanted)

    def _named(self, word: str) -> frozenset[str]:
        if not word:
            raise InputError(f"{self._called}: ! excludes nobody; write a host or a group behind it")
        if word in self._hosts or word in self._groups:
            return frozenset(name for name, host in self._hosts.items() if name == word or host.has_parent_group(word))
        if word.startswith("@"):
            return self._remembered(word) & self._hosts.keys()
        if "=" in word:
            return self._with_fact(*word.split("=", 1))
        return self._matching(word)

    def _with_fact(self, key: str, value: str) -> frozenset[str]:
        """Return the hosts with a fact: ``platform=linux``, or a key below ``data.custom``."""
        key, value = key.strip(), value.strip()
        facts = {name: dict(_facts_of(host)) for name, host in self._hosts.items()}
        if not any(key in found for found in facts.values()):
            known = {one for found in facts.values() for one in found}
            raise InputError(f"{self._called}: no host has {key} below data.{CUSTOM}{did_you_mean(key, known)}")
        holders = {name: known[key] for name, known in facts.items() if key in known}
        found = frozenset(name for name, held in holders.items() if fnmatchcase(held, value))
        if not found:
            values = sorted(set(holders.values()))
            there = f" (there are {', '.join(values)})" if len(values) <= SHOWN else did_you_mean(value, values)
            raise InputError(f"{self._called}: no host has {key}={value}{there}")
        return found

    def _matching(self, word: str) -> frozenset[str]:
        """Return the hosts of a range such as ``node[1-9]``, of which all must exist, or of a pattern with * and ?."""
        found: set[str] = set()
        for name in _expanded(word, self._called):
            names = [name] if name in self._hosts else self._like(name)
            if not names:
                if set(name) & set("*?"):
                    raise InputError(
                        f"{self._called}: no host or group is like {name}; hosts.yaml and groups.yaml have the names"
                    )
                hint = did_you_mean(name, (*self._hosts, *self._groups))
                raise InputError(f"{self._called}: no host or group is called {name}{hint}")
            found.update(names)
        return frozenset(found)

    def _like(self, pattern: str) -> list[str]:
        """Return the hosts like a pattern, else those of the groups like it: node* does not mean the group nodes."""
        alike = [one for one in self._hosts if fnmatchcase(one, pattern)]
        groups = [] if alike else [one for one in self._groups if fnmatchcase(one, pattern)]
        return alike + [host for one in groups for host in self._named(one)]


def _facts_of(host: Host) -> Iterator[tuple[str, str]]:
    """Yield a host's facts that can be asked for: its platform, and scalars below ``data.custom``."""
    yield "platform", host.platform or ""
    yield from _scalars(host.get(CUSTOM) or {}, "")


def _scalars(tree: Mapping[str, Any], below: str) -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _scalars(value, f"{below}{key}.")
        elif isinstance(value, bool):
            yield f"{below}{key}", str(value).lower()
        elif isinstance(value, str | int | float):
            yield f"{below}{key}", str(value)


def _expanded(word: str, called: str) -> Iterable[str]:
    """Return the names of a range; a word without one is itself."""
    if "[" not in word and "]" not in word:
        return (word,)
    if _size(word) > MOST:
        raise InputError(f"{called}: {word}: it names {_size(word)} hosts, more than {MOST}; write a shorter range")
    from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet, NodeSetException

    try:
        names = NodeSet(word, resolver=RESOLVER_NOGROUP)
    except NodeSetException as error:
        raise InputError(f"{called}: {word}: {error}; write a range as in node[1-9,12]") from None
    return [str(name) for name in names]


def _size(word: str) -> int:
    """Return how many names the ranges of a word have, without making them."""
    parts = (re.findall(r"(\d{1,18})(?:-(\d{1,18}))?", inside) for inside in re.findall(r"\[([^]]*)\]", word))
    return prod(sum(max(0, int(last or first) - int(first)) + 1 for first, last in numbers) for numbers in parts)
