"""Hosts out of an ssh_config: the names that its Host lines and those of included files spell out.

How each is reached stays in the ssh_config, which the new site names.

References:
    ssh_config(5): Host, Match, Include
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from moor.connections.ssh.ssh_config import options_of_host
from moor.errors import InputError
from moor.init.answers import Answers
from moor.init.found import Found, FoundHost
from moor.init.sources.naming import valid_name
from moor.init.sources.text_file import read_text

DEEPEST = 16  # levels of Include, as in ssh
LINE = re.compile(r"^\s*(host|match|include)(?:\s+|\s*=\s*)(.+?)\s*$", re.IGNORECASE)
WORD = re.compile(r'"([^"]*)"|(\S+)')
# Forges are reached by ssh too, but nobody keeps a fleet there.
FORGES = re.compile(r"(?:.*\.)?(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|ssh\.dev\.azure\.com)")


def read(where: str, answers: Answers) -> Found:
    """Return the hosts that an ssh_config names without wildcards; raise InputError if it cannot be read."""
    path = Path(where).expanduser().absolute()
    hosts = dict[str, FoundHost]()
    for word in dict.fromkeys(_names(path, 0)):
        if FORGES.fullmatch(str(options_of_host(path, word).get("hostname") or word)):
            continue
        name = valid_name(word, hosts)
        hosts[name] = FoundHost(name, "" if name == word else word)
    if not hosts:
        raise InputError(f"{path}: no Host in it is named without wildcards; name hosts by --nodes and --harbor")
    shown = Path(where) if where.startswith("~") else path
    return Found(where, hosts, ssh_config=shown)


def _names(path: Path, depth: int) -> Iterator[str]:
    """Yield the names that a file and those that it includes spell out, in order."""
    if depth > DEEPEST:
        raise InputError(f"{path}: Include goes deeper than {DEEPEST} files, as in ssh; does a file include itself?")
    for line in read_text(path).splitlines():
        if not (found := LINE.match(line)):
            continue
        keyword, words = found[1].lower(), [quoted or bare for quoted, bare in WORD.findall(_bare(found[2]))]
        if keyword == "include":
            for word in words:
                for name in sorted(glob.glob(str(_included(word)))):
                    yield from _names(Path(name), depth + 1)
        else:
            yield from (word for word in _of(keyword, words) if not any(letter in word for letter in "*?!%"))


def _of(keyword: str, words: list[str]) -> Iterator[str]:
    """Yield the patterns of a Host line, or of the criteria host and originalhost of a Match line."""
    if keyword == "host":
        yield from words
        return
    for criterion, patterns in pairwise(words):
        if criterion.lower() == "originalhost":
            yield from patterns.split(",")


def _bare(text: str) -> str:
    """Return a line's words without a comment at the end."""
    return re.sub(r'\s#[^"]*$', "", text)


def _included(word: str) -> Path:
    """Return the path of an Include: relative ones begin at ~/.ssh, as in a user's own file."""
    return Path("~/.ssh").expanduser() / Path(word).expanduser()
