"""Words of the inventory that would be commands are refused, or are carried into scripts and never run there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from nornir.core.inventory import Host
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML

from moor.errors import MoorError
from moor.resources.base import Probed, Scripted
from moor.run.runbook import Stage
from moor.run.selection import all_stages
from moor.settings.modules import SHIPPED, load_tasks
from moor.settings.section import Section, collect_sections
from moor.sites.site import open_site
from tests.harness.closed import DEFAULTS, closed_site
from tests.harness.shells import SHELLS

RAN = "CAN42ARY"  # which no word spells; only a shell that runs one says it
COMMAND = "echo CAN$((6*7))ARY >&2"
WORDS = (f"a$({COMMAND})", f"a`{COMMAND}`", f"a';{COMMAND};'", f'a";{COMMAND};"', f"a\n{COMMAND}\n#", f"a;{COMMAND} #")

# Nothing but the shell itself is there to be run, and nothing can be written.
SEALED = 'mount --make-rprivate / && mount -o remount,bind,ro / && export PATH=/nonexistent && exec "$@"'
QUIET = "moor_fail() { :; }; moor_keep() { :; }; moor_settled() { :; }; moor_put_back() { :; }; moor_place() { :; }\n"


def spoilt(model: type[BaseModel], tree: Any, word: str) -> Iterator[tuple[str, Any]]:
    """Yield a section's tree again and again, each time with ``word`` at one more place that the model has."""
    known = tree if isinstance(tree, dict) else {}
    for name, field in model.model_fields.items():
        for shape in (word, [word], {word: word}):
            yield name, {**known, name: shape}
        yield from _below(field.annotation, name, known, word)
    extra = get_type_hints(model).get("__pydantic_extra__")
    if extra:
        for key in known:
            yield f"{key} by another name", {**{k: v for k, v in known.items() if k != key}, word: known[key]}
        yield from _entries(get_args(extra)[-1], known, word)


def _below(hint: Any, name: str, known: dict[str, Any], word: str) -> Iterator[tuple[str, Any]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        for place, tree in spoilt(hint, known.get(name), word):
            yield f"{name}.{place}", {**known, name: tree}
    elif get_origin(hint) is dict and isinstance(known.get(name), dict):
        for place, tree in _entries(get_args(hint)[1], known[name], word):
            yield f"{name}.{place}", {**known, name: tree}
        for key, value in known[name].items():
            yield f"{name}: {key} by another name", {**known, name: {word: value}}
    for part in get_args(hint):
        if get_origin(hint) is not dict:
            yield from _below(part, name, known, word)


def _entries(hint: Any, known: dict[str, Any], word: str) -> Iterator[tuple[str, Any]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        for key, value in known.items():
            for place, tree in spoilt(hint, value, word):
                yield f"{key}.{place}", {**known, key: tree}


@cache
def stages() -> tuple[Stage, ...]:
    return tuple(all_stages(SHIPPED).stages)


def fragments(host: Host) -> Iterator[str]:
    """Yield what would be sent to the host, of every stage, as far as its input is no error."""
    for stage in stages():
        if stage.desired and stage.runs_on(host):
            with suppress(MoorError):
                for one in stage.desired(host):
                    yield from [one.probe()] if isinstance(one, Probed) else []
                    with suppress(MoorError, TypeError, LookupError):  # some mend only what they have seen
                        yield from [one.mend(None)] if isinstance(one, Scripted) else []


def written(site: Path, model: type[Section], base: Any) -> Iterator[tuple[str, list[str]]]:
    """Give, for each place that takes such a word, what is then sent to hosts and has it in it."""
    hosts = list(open_site(site).inventory.hosts.values())
    for word in WORDS:
        for place, tree in spoilt(model, base, word):
            try:
                section = model.model_validate(deepcopy(tree), context={"site": site})
            except (ValidationError, MoorError):
                continue  # refused, by the same models that read the files
            found: set[str] = set()
            for host in hosts:
                host.data[model.section] = section
                found.update(text for text in fragments(host) if "CAN$" in text)
            yield f"{model.section}.{place} = {word!r}", sorted(found)


def everything_written(site: Path) -> dict[str, list[str]]:
    shipped = YAML(typ="safe").load((site / DEFAULTS).read_text())["data"]
    models = collect_sections(load_tasks(SHIPPED)).values()
    return {place: found for model in models for place, found in written(site, model, shipped.get(model.section))}


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    with closed_site(tmp_path_factory.mktemp("site")) as built:
        yield everything_written(built.folder)


@pytest.mark.parametrize("shell", SHELLS)
def test_no_word_of_the_inventory_is_run(sent: dict[str, list[str]], shell: str) -> None:
    assert [place for place, found in sent.items() if found], "no such word reaches a script; the test means nothing"
    once = {text: place for place, found in sent.items() for text in found}
    parts = [f"echo PART{n} >&2\n(\n{text}\n) </dev/null\n" for n, text in enumerate(once)]
    name, *options = SHELLS[shell]
    argv = ["unshare", "-m", "--", "sh", "-c", SEALED, "sh", str(shutil.which(name)), *options, "-s"]
    raw = (QUIET + "".join(parts) + "echo ENDED >&2\n").encode("utf-8", "surrogateescape")
    done = subprocess.run(argv, input=raw, capture_output=True, timeout=120, check=False)
    said = done.stderr.decode("utf-8", "replace")
    assert "ENDED" in said, said[-2000:]
    guilty = [list(once.values())[int(part.split()[0])] for part in said.split("PART")[1:] if RAN in part]
    assert guilty == []


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("word", WORDS)
def test_such_a_word_would_be_run_where_nobody_quoted_it(shell: str, word: str) -> None:
    scripts = (f"x={word}\n", f'x="{word}"\n', f"x='{word}'\n")
    said = b"".join(
        subprocess.run([*SHELLS[shell], "-s"], input=script.encode(), capture_output=True, check=False).stderr
        for script in scripts
    )
    assert RAN.encode() in said
