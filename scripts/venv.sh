#!/bin/sh
# Makes .venv with pinned libraries and moor itself from this directory.
# Usage: venv.sh        what requirements-dev.txt pins, for tests and checks
#        venv.sh demo   what requirements-demo.txt pins, half as many, for the demo; a complete one has these too
set -eu
cd "$(dirname "$0")/.."

stop() {
    echo "moor: $*" >&2
    exit 1
}

suits() {
    command -v "$1" >/dev/null && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

is_complete() {
    [ .venv/complete -nt requirements-dev.txt ] && [ .venv/complete -nt pyproject.toml ]
}

case ${1-} in
'') requirements=requirements-dev.txt made=complete ;;
demo) requirements=requirements-demo.txt made=demo ;;
*) stop "venv.sh: $1: write demo, or nothing" ;;
esac
if [ "$made" = demo ] && is_complete; then
    touch .venv/demo
    exit
fi

for python in "${PYTHON:-python3}" /usr/bin/python3; do
    suits "$python" && break
    python=
done
[ -n "$python" ] || stop "Python 3.11 or later with its venv module is needed: apt-get install python3 python3-venv"

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    echo "moor: making .venv, some seconds" >&2
    "$python" -m venv --clear .venv
fi
echo "moor: installing the libraries that $requirements pins in .venv" >&2
# the files are the whole closure
.venv/bin/python scripts/install.py "$requirements" ||
    stop "the libraries of $requirements could not be installed: does pip reach its package index?"
.venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --root-user-action=ignore \
    --no-deps --no-build-isolation --editable .
# Compiled now, since Python compiles anew at each start where it may not write what it compiled.
echo "moor: compiling them, which takes about as long as unpacking them did" >&2
.venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null || : # some libraries bring files of other Pythons
.venv/bin/python -m compileall -q moor moor_lab tasks runbooks
touch ".venv/$made"
