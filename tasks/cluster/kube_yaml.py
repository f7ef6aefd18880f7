"""A YAML reader with the rules of Kubernetes, whose go-yaml follows neither YAML 1.1 nor 1.2.

``0400`` and ``0o400`` are octal, ``yes``, ``on`` and ``y`` are booleans, ``12:30:45`` and dates stay strings, and a
key that is a number or a boolean becomes a string.

References:
    sigs.k8s.io/yaml (goyaml.v2/resolve.go, yaml.go); the tests compare with kubectl if it is installed
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from moor.errors import AmbiguousYaml, TooManyAliases
from moor.formats.nesting import refuse_growth

# PyYAML is imported late, since most commands read no workload.
if TYPE_CHECKING:
    from yaml import MappingNode, Node, ScalarNode

Scalar = str | int | float | bool | None

PLAIN = "!moor-plain"  # the tag that the loader gives to an unquoted scalar without a tag
MERGE = "tag:yaml.org,2002:merge"
STANDARD = "tag:yaml.org,2002:"
WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{f"{sign}.{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")},
}
INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[bB](?P<b>[01]+)|0[xX](?P<x>[0-9a-fA-F]+)|0[oO]?(?P<o>[0-7]+)|(?P<d>0|[1-9]\d*))"
)
FLOAT = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?")
FRACTION = re.compile(r"\.\d+(?:_\d+)*(?:[eE][-+]?\d+(?:_\d+)*)?")
BASES = {"b": 2, "x": 16, "o": 8, "d": 10}
DEEPEST = 150  # levels of nesting; documents are walked by recursion
LARGEST = 2**64  # from this on a decimal number is a float; one in another base stays an integer
EXACT = 1e21  # below this Go writes a float without exponent, so a whole one is an integer in JSON


def scalar(text: str) -> Scalar:
    """Return the value of an unquoted scalar by the rules of Kubernetes."""
    if text in WORDS:
        return WORDS[text]
    if text[0] == ".":
        return _float(text.replace("_", "")) if FRACTION.fullmatch(text) else text
    if text[0] not in "+-0123456789":
        return text
    plain = text.replace("_", "")
    if found := INTEGER.fullmatch(plain):
        name, digits = next((name, found[name]) for name in BASES if found[name] is not None)
        value = int(f"{found['sign']}{digits}", BASES[name])
        if name != "d" or -LARGEST // 2 <= value < LARGEST:
            return value
    number = _float(plain) if FLOAT.fullmatch(plain) else None
    return text if number is None else number


def _float(text: str) -> float | None:
    """Return the number, or None if it is out of range, as go-yaml does."""
    value = float(text)
    return value if isfinite(value) else None


def documents(text: str) -> Iterator[Any]:
    """Yield each document of a YAML text as the JSON value that Kubernetes would convert it to.

    Raises:
        AmbiguousYaml: the text is not YAML, has a key twice, or a value that JSON does not have
    """
    from yaml import YAMLError

    base = _reader()

    class Loader(base):  # type: ignore[misc, valid-type]  # one of PyYAML's two
        yaml_implicit_resolvers: dict[Any, Any] = {"<": [(MERGE, re.compile("<<"))]}  # noqa: RUF012 - as PyYAML declares it

    Loader.add_implicit_resolver(PLAIN, re.compile(".*", re.DOTALL), None)
    try:
        _refuse_depth(text, base)
        loader = Loader(text)
        while loader.check_node():
            node = cast("Node", loader.get_node())
            refuse_growth(node, DEEPEST)
            yield _value(node)
    except TooManyAliases as error:
        raise AmbiguousYaml(f"line {error.line}: {error}") from None
    except YAMLError as error:
        raise AmbiguousYaml(f"not YAML: {' '.join(str(error).split())}") from None


def split_list(tree: Any) -> list[Any]:
    """Return the objects of a document: the items if it is a list such as ``kind: List``, else the document itself.

    As with kubectl, items of a typed list such as ``ConfigMapList`` need no kind.

    Raises:
        AmbiguousYaml: ``items`` is not a list
    """
    if not isinstance(tree, dict) or "items" not in tree or not str(tree.get("kind")).endswith("List"):
        return [tree]
    items = tree["items"] if tree["items"] is not None else []
    if not isinstance(items, list):
        raise AmbiguousYaml(f"items of a {tree['kind']} must be a list of objects")
    kind = tree["kind"].removesuffix("List")
    own = {"apiVersion": tree.get("apiVersion"), "kind": kind} if kind else {}
    return [{**own, **item} if isinstance(item, dict) and not item.get("kind") else item for item in items]


def _reader() -> Any:
    """Return PyYAML's loader that uses libyaml; go-yaml is a port of libyaml, and both accept tabs as spaces."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML without libyaml rejects tabs


def _refuse_depth(text: str, base: Any) -> None:
    from yaml import CollectionEndEvent, CollectionStartEvent, parse

    depth = 0
    for event in parse(text, base):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            raise AmbiguousYaml(f"nested deeper than {DEEPEST} levels")


def _value(node: Node) -> Any:
    from yaml import MappingNode, ScalarNode

    if isinstance(node, ScalarNode):
        return _json(_scalar(node), node)
    if isinstance(node, MappingNode):
        return _mapping(node)
    return [_value(entry) for entry in node.value]


def _mapping(node: MappingNode) -> dict[str, Any]:
    merged, own = dict[str, Any](), dict[str, Any]()
    for key_node, value_node in node.value:
        if key_node.tag == MERGE:
            merged = {**_merged(value_node), **merged}
            continue
        key = _key(key_node)
        if key in own:
            raise AmbiguousYaml(f"{_line(key_node)}the key {key} is given twice; Kubernetes silently uses one of them")
        own[key] = _value(value_node)
    return {**merged, **own}


def _merged(node: Node) -> dict[str, Any]:
    """Return what the merge key ``<<`` adds: a mapping, or a list of them in which earlier ones win."""
    found = _value(node)
    parts = found if isinstance(found, list) else [found]
    if not all(isinstance(part, dict) for part in parts):
        raise AmbiguousYaml(f"{_line(node)}<< takes a mapping or a list of mappings")
    return {key: value for part in reversed(parts) for key, value in part.items()}


def _key(node: Node) -> str:
    from yaml import ScalarNode

    found = _scalar(node) if isinstance(node, ScalarNode) else None
    if found is None or isinstance(found, float):
        raise AmbiguousYaml(f"{_line(node)}a key that is not a string; write it in quotes")
    return str(found).lower() if isinstance(found, bool) else str(found)


def _scalar(node: ScalarNode) -> Scalar:
    """Return the value of a scalar by its tag; ignore a tag that Kubernetes does not know."""
    text, kind = str(node.value), str(node.tag).removeprefix(STANDARD)
    if node.tag == PLAIN:
        return scalar(text)
    if kind == "binary":
        return _binary(node)
    types: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
    if kind not in types:
        return text
    found = scalar(text)
    if not isinstance(found, types[kind]) or (isinstance(found, bool) and kind != "bool"):
        raise AmbiguousYaml(f"{_line(node)}{text!r} is not of type {kind}")
    return found


def _binary(node: ScalarNode) -> str:
    try:
        return base64.b64decode("".join(str(node.value).split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise AmbiguousYaml(f"{_line(node)}!!binary is not base64 of a text") from None


def _json(value: Scalar, node: Node) -> Scalar:
    """Return the value as JSON has it: no NaN, and whole floats as integers, as Go writes them."""
    if not isinstance(value, float):
        return value
    if not isfinite(value):
        raise AmbiguousYaml(f"{_line(node)}{node.value} cannot be written as JSON")
    return int(Decimal(repr(value))) if value.is_integer() and abs(value) < EXACT else value


def _line(node: Node) -> str:
    return f"line {node.start_mark.line + 1}: "
