"""Runs the lab's command line as ``python -m moor_lab``."""

import sys

from moor_lab.cli import main

sys.exit(main())
