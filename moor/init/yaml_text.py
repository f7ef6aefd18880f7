"""Values as YAML on one line."""

from __future__ import annotations

import io
from collections.abc import Mapping

from ruamel.yaml import YAML


def scalar(value: object) -> str:
    """Return a value as YAML on one line."""
    yaml, out = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width = True, 10**6
    if isinstance(value, Mapping):  # in a list, one of a single key would be written without its braces
        yaml.dump(dict(value), out)
        return out.getvalue().strip()
    yaml.dump([value], out)
    return out.getvalue().strip()[1:-1]
