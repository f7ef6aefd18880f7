#!/bin/sh
# tomlkit 0.15.2: reading a file and writing it at once moves a table that stands between two entries of an array of tables.
#
# The library keeps comments, blanks and order everywhere else, so that an editor of other people's files trusts
# dumps(parse(text)) == text. TOML 1.0 allows the order used here. The meaning stays the same; the lines do not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$folder" tomlkit==0.15.2

PYTHONPATH=$folder python3 - <<'PYTHON'
import sys
import tomllib

import tomlkit

BETWEEN = """\
[[proxy]]
name = "first"

[limits]
open = 1

[[proxy]]
name = "second"
"""
APART = """\
[proxy.first]
open = 1

[limits]
open = 2

[proxy.second]
open = 3
"""
written = tomlkit.dumps(tomlkit.parse(BETWEEN))
print("tomlkit", tomlkit.__version__)
print("read and written again, unchanged by us:")
print(written)
moved = written.index("[limits]") > written.index("second")
same_meaning = tomllib.loads(written) == tomllib.loads(BETWEEN)
tables_stay = tomlkit.dumps(tomlkit.parse(APART)) == APART
print(f"[limits] moved behind the second entry: {moved}; same meaning: {same_meaning}")
print(f"tables of one parent keep another table between them: {tables_stay}")
sys.exit(0 if moved and same_meaning and tables_stay else "behaviour changed: the order of an array of tables is kept now?")
PYTHON
