"""Values as YAML that people read, texts of several lines as blocks."""

from __future__ import annotations

from collections.abc import Iterable

import yaml


class Dumper(yaml.SafeDumper):
    """A dumper of documents without aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Write each value out."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Dumper.add_representer(str, _text)


def dump_yaml(value: object) -> str:
    """Return a value as YAML."""
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, width=10_000, allow_unicode=True)


def dump_documents(values: Iterable[object]) -> str:
    """Return values as YAML documents, parted by lines of three hyphens."""
    return "---\n".join(map(dump_yaml, values))
