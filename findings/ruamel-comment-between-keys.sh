#!/bin/sh
# ruamel.yaml 0.19.1 (round trip): a comment line above a key is kept with the key before it. A key that is added at the
# end of a mapping comes to stand below the comment that introduced the next section, and a key that is inserted before
# a commented one takes over that key's comment.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$folder" ruamel.yaml==0.19.1

PYTHONPATH=$folder python3 - <<'PYTHON'
import io
import sys

import ruamel.yaml

SECTIONS = """\
mirrors:
  first: 1
# passwords; ask the storage team before you change them
configs: 2
"""
KEYS = """\
mirrors:
  first: 1
  # only for the build machines
  second: 2
"""


def edited(text, change):
    yaml = ruamel.yaml.YAML()
    document = yaml.load(text)
    change(document["mirrors"])
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


appended = edited(SECTIONS, lambda mirrors: mirrors.update(ours=3))
inserted = edited(KEYS, lambda mirrors: mirrors.insert(1, "ours", 3))
print("ruamel.yaml", ruamel.yaml.__version__)
print("a key added to `mirrors`:", appended, sep="\n")
print("a key inserted before `second`:", inserted, sep="\n")
below = appended.index("passwords") < appended.index("ours")
taken = inserted.index("build machines") < inserted.index("ours") < inserted.index("second")
print(f"added below the comment of the next section: {below}; took the comment of the next key: {taken}")
sys.exit(0 if below and taken else "behaviour changed: comments stay with the key that follows them?")
PYTHON
