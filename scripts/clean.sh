#!/bin/sh
# Removes whatever make, the demo and the tests have made: running labs, images, the environment, caches, state.
# Debian packages stay: they may be somebody else's by now.
set -eu
cd "$(dirname "$0")/.."

if [ -e /var/lib/moor-lab ] || [ -e /var/cache/moor-lab ] || [ -e /run/moor-lab ]; then
    [ -x .venv/bin/python ] || sh scripts/venv.sh demo
    .venv/bin/python -m moor_lab down --secrets --cache
fi
rm -rf .venv .venv-bench .venv-moor .moor report.html build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
find . -name __pycache__ -type d -prune -exec rm -rf {} +
