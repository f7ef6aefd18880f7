"""YAML whose aliases make much out of little: every reader of foreign YAML refuses it in one line, and in no time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from moor.connections.apis.cluster.kubeconfig import read_kubeconfig
from moor.errors import InputError, MoorError
from moor.formats.yaml_text import parse_yaml
from moor.inventory.joining import add_hosts
from moor.settings.document import InputFaults, load_yaml
from moor.tasks.cluster.kube_yaml import documents


def chained(first: str, after: Callable[[str], str], lines: int) -> str:
    """Write an anchor a line, each made of the one before it."""
    later = "".join(f"a{number}: &a{number} {after(f'*a{number - 1}')}\n" for number in range(1, lines))
    return f"a0: &a0 {first}\n{later}"


GROWING = {
    "lists of lists": chained("[x, y]", lambda one: f"[{', '.join([one] * 10)}]", 12),
    "merges of merges": chained("{k: v}", lambda one: f"{{<<: [{', '.join([one] * 10)}], b: c}}", 12),
    "a long chain of merges": chained("{k: v}", lambda one: f"{{<<: {one}}}", 400),
    "a long chain of lists": chained("x", lambda one: f"[{one}]", 400),
    "a list in itself": "a: &a [*a]\n",
    "a mapping merged with itself": "a: &a {<<: *a}\n",
    "a key in itself": "? &a [*a]\n: b\n",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.yaml"


def settings(path: Path) -> object:
    findings = InputFaults()
    tree = load_yaml(path, "hosts.yaml", findings)
    findings.raise_if_any()
    return tree.plain()


READERS: dict[str, Callable[[Path], object]] = {
    "settings": settings,
    "hosts.yaml to be extended": lambda path: add_hosts(path.read_text(), {"node9": {"hostname": "10.0.0.9"}}),
    "kubeconfig": read_kubeconfig,
    "manifest": lambda path: list(documents(path.read_text())),
    "a file of others to be edited": lambda path: parse_yaml(path.read_text()),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", GROWING.values(), ids=list(GROWING))
@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
def test_a_file_that_grows_without_bound_is_refused_in_one_line(
    path: Path, reader: Callable[[Path], object], text: str
) -> None:
    path.write_text(text)
    with pytest.raises((InputError, ValueError)) as refused:
        reader(path)
    assert len(str(refused.value).splitlines()) == 1


def test_the_line_that_is_too_much_is_named(path: Path) -> None:
    path.write_text(GROWING["lists of lists"])
    with pytest.raises(InputError, match=r"^hosts.yaml:7: its aliases stand for more than 1,000,000 keys and values"):
        settings(path)
    path.write_text(GROWING["a long chain of merges"])
    with pytest.raises(InputError, match=r"^hosts.yaml:51: its aliases make it nested deeper than 50 levels"):
        settings(path)


def test_what_a_thousand_hosts_share_is_no_growth_without_bound(path: Path) -> None:
    shared = ", ".join(f"k{number}: {number}" for number in range(100))
    path.write_text(f"x: &x {{{shared}}}\n" + "".join(f"node{number}: {{<<: *x}}\n" for number in range(1000)))
    tree = settings(path)
    assert isinstance(tree, dict)
    assert tree["node999"]["k99"] == 99


@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
def test_an_anchor_may_be_named_anew(path: Path, reader: Callable[[Path], object]) -> None:
    path.write_text("a: &a {k: 1}\nb: &a {k: 2}\nc: *a\n")
    with suppress(MoorError, ValueError):  # a kubeconfig has other keys; PyYAML refuses such an anchor
        reader(path)
    if reader is settings:
        assert reader(path) == {"a": {"k": 1}, "b": {"k": 2}, "c": {"k": 2}}
