"""Values as YAML on one line."""

from __future__ import annotations

import io

from ruamel.yaml import YAML


def scalar(value: object) -> str:
    """Return a value as YAML on one line."""
    yaml, out = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width = True, 10**6
    yaml.dump([value], out)
    return out.getvalue().strip()[1:-1]
