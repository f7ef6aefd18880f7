"""Sites of a test, written on its own folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

CONFIG, HOSTS = "config.yaml", "inventory/hosts.yaml"
GROUPS, DEFAULTS = "inventory/groups.yaml", "inventory/defaults.yaml"

Content = str | Mapping[str, Any]  # a file's text, or what its YAML means


def write_site(folder: Path, files: Mapping[str, Content], private: Mapping[str, str] | None = None) -> Path:
    """Write the files of a site below ``folder``, and return that; it gets an empty config.yaml if it has none.

    Args:
        folder: where the site is to be; files that are there already stay.
        files: contents by path.
        private: contents of files that their owner alone may read, such as passwords.
    """
    bare: dict[str, Content] = {} if (folder / CONFIG).exists() else {CONFIG: ""}
    for name, content in {**bare, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        else:
            YAML(typ="safe", pure=True).dump(dict(content), path)
    for name, content in (private or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(content)
    return folder
