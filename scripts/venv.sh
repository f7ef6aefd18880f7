#!/bin/sh
# Makes .venv with what requirements-dev.txt pins, and moor itself from this directory.
set -eu
cd "$(dirname "$0")/.."

stop() {
    echo "moor: $*" >&2
    exit 1
}

suits() {
    command -v "$1" >/dev/null && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

for python in "${PYTHON:-python3}" /usr/bin/python3; do
    suits "$python" && break
    python=
done
[ -n "$python" ] || stop "Python 3.11 or later with its venv module is needed: apt-get install python3 python3-venv"

echo "moor: installing the pinned libraries in .venv" >&2
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
install=".venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --root-user-action=ignore"
# requirements-dev.txt is the whole closure, some of it against what a library asks for (overrides.txt)
$install --no-deps --require-hashes --requirement requirements-dev.txt ||
    stop "the libraries of requirements-dev.txt could not be installed: does pip reach its package index?"
$install --no-deps --no-build-isolation --editable .
# Compiled now, since Python compiles anew at each start where it may not write what it compiled.
.venv/bin/python -m compileall -q moor moor_lab tasks runbooks
touch .venv/complete
