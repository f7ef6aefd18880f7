"""``python -m moor`` is the command ``moor``."""

from moor.cli import main

main()
