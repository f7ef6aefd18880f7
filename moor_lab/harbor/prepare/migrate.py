"""The command ``migrate`` of prepare: harbor.yml of an older release, as the next one has it."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from moor_lab.harbor.prepare.settings import Refused
from moor_lab.harbor.release import RELEASES

VERSIONS = [release.config for release in RELEASES.values()]  # in their order
DROPPED = {"2.9.0": ("notary_signer", "notary_server")}  # below external_database


def migrate_file(arguments: list[str], machine: Path) -> None:
    """Migrate the file of ``-i`` to the one of ``-o``, up to the version of ``-t``; raise Refused if that fails."""
    words = dict(zip(arguments[::2], arguments[1::2], strict=False))
    source, target = words.get("-i", ""), words.get("-o") or words.get("-i", "")
    text = (machine / source.lstrip("/")).read_text()
    migrated = migrate(text, words.get("-t", VERSIONS[-1]))
    if migrated is None:
        print(f"Version of {source} is the same as the target, there is nothing to migrate")
        return
    (machine / target.lstrip("/")).write_text(migrated)
    print(f"Written the migrated values to {target}")


def migrate(text: str, target: str) -> str | None:
    """Return harbor.yml as ``target`` has it, without its comments; None if it is of that version."""
    tree: dict[str, Any] = dict(YAML(typ="safe").load(text))
    version = str(tree.get("_version"))
    if target not in VERSIONS:
        raise Refused(f"target version {target} not supported")
    if version not in VERSIONS or VERSIONS.index(version) > VERSIONS.index(target):
        raise Refused(f"the version {version} not supported")
    if version == target:
        return None
    for step in VERSIONS[VERSIONS.index(version) + 1 : VERSIONS.index(target) + 1]:
        tree = _without(tree, DROPPED.get(step, ()), step)
    stream = io.StringIO("# Written by prepare migrate: comments of the former file are gone.\n")
    stream.seek(0, io.SEEK_END)
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.dump(tree, stream)
    return stream.getvalue()


def _without(tree: dict[str, Any], gone: tuple[str, ...], version: str) -> dict[str, Any]:
    """Return the tree of the next version: without the keys that it has no more."""
    outer = tree.get("external_database")
    if not isinstance(outer, Mapping):
        return {**tree, "_version": version}
    kept = {key: value for key, value in outer.items() if key not in gone}
    rest = {key: value for key, value in tree.items() if key != "external_database"}
    return {**rest, **({"external_database": kept} if kept else {}), "_version": version}
